"""A bulk action keeps which findings it reaches as conditions, and can be stopped. None was made before."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("findings", "0008_suppression_of_bulk")]

    operations = [
        migrations.RemoveField(model_name="bulkaction", name="finding_ids"),
        migrations.AddField(model_name="bulkaction", name="selection", field=models.JSONField(default=dict)),
        migrations.AlterField(
            model_name="bulkaction",
            name="state",
            field=models.CharField(
                choices=[
                    ("waiting", "Waiting"),
                    ("running", "Running"),
                    ("done", "Done"),
                    ("stopped", "Stopped"),
                    ("failed", "Failed"),
                ],
                default="waiting",
                max_length=12,
            ),
        ),
    ]
