from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("django_selfdeploy", "0003_hosts_of_earlier_deployments"),
    ]

    operations = [
        migrations.AddField(
            model_name="deployment",
            name="migrations",
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="deployment",
            name="status",
            field=models.CharField(
                choices=[
                    ("running", "running"),
                    ("succeeded", "succeeded"),
                    ("failed", "failed"),
                    ("switched back", "switched back"),
                    ("cancelled", "cancelled"),
                    ("interrupted", "interrupted"),
                    ("unchanged", "unchanged"),
                    ("incomplete", "incomplete"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="deploymenthost",
            name="status",
            field=models.CharField(
                choices=[
                    ("running", "running"),
                    ("succeeded", "succeeded"),
                    ("failed", "failed"),
                    ("switched back", "switched back"),
                    ("cancelled", "cancelled"),
                    ("interrupted", "interrupted"),
                    ("unchanged", "unchanged"),
                    ("incomplete", "incomplete"),
                ],
                max_length=20,
            ),
        ),
    ]
