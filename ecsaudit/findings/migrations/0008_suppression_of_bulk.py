"""A suppression knows the bulk action that made it, and the one whose place it took, so that both can be taken back."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("findings", "0007_group_required")]

    operations = [
        migrations.AddField(
            model_name="suppression",
            name="bulk",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="suppressions",
                to="findings.bulkaction",
            ),
        ),
        migrations.AddField(
            model_name="suppression",
            name="instead_of",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="findings.suppression"
            ),
        ),
    ]
