"""Every finding is in a group."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("findings", "0006_group_findings")]

    operations = [
        migrations.AlterField(
            model_name="finding",
            name="group",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="findings", to="findings.findinggroup"
            ),
        ),
    ]
