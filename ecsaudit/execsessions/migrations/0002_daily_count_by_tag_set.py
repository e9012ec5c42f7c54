from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("execsessions", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="dailycount",
            name="dimension",
            field=models.CharField(
                choices=[
                    ("outcome", "Sessions by outcome"),
                    ("person", "Sessions by person"),
                    ("cluster", "Sessions by cluster"),
                    ("rule", "Findings by rule"),
                    ("tag_set", "Findings by tag set"),
                ],
                max_length=8,
            ),
        ),
    ]
