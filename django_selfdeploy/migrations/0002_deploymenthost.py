import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("django_selfdeploy", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="DeploymentHost",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("host", models.CharField(blank=True, max_length=150)),
                ("release", models.CharField(blank=True, max_length=150)),
                ("previous", models.CharField(blank=True, max_length=150, verbose_name="previous release")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("running", "running"),
                            ("succeeded", "succeeded"),
                            ("failed", "failed"),
                            ("switched back", "switched back"),
                            ("cancelled", "cancelled"),
                            ("interrupted", "interrupted"),
                            ("unchanged", "unchanged"),
                        ],
                        max_length=20,
                    ),
                ),
                ("started", models.DateTimeField()),
                ("finished", models.DateTimeField(blank=True, null=True)),
                ("live_after", models.FloatField(blank=True, null=True)),
                ("duration", models.FloatField(blank=True, null=True)),
                ("error", models.CharField(blank=True, max_length=100)),
                ("error_message", models.TextField(blank=True)),
                ("error_hint", models.TextField(blank=True, verbose_name="what to do next")),
                ("error_code", models.IntegerField(blank=True, null=True, verbose_name="exit code")),
                ("warnings", models.JSONField(blank=True, default=list)),
                ("versions", models.JSONField(blank=True, default=dict)),
                ("log", models.TextField(blank=True)),
                ("digest", models.CharField(max_length=64)),
                (
                    "deployment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="hosts",
                        to="django_selfdeploy.deployment",
                    ),
                ),
            ],
            options={
                "ordering": ("host",),
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("deployment", "host"), name="selfdeploy_once_per_host")
                ],
            },
        ),
    ]
