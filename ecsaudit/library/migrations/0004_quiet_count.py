from django.db import migrations, models


class Migration(migrations.Migration):
    """Rules that are off are counted like those in the shadow."""

    dependencies = [
        ("library", "0003_rule_test"),
    ]

    operations = [
        migrations.RenameModel(old_name="ShadowCount", new_name="QuietCount"),
        migrations.RemoveConstraint(model_name="quietcount", name="shadow_count_once"),
        migrations.AddConstraint(
            model_name="quietcount",
            constraint=models.UniqueConstraint(fields=["rule", "day"], name="quiet_count_once"),
        ),
    ]
