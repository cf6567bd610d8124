import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Deployment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("identity", models.CharField(max_length=150, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("deploy", "deploy"),
                            ("rollback", "rollback"),
                            ("restart", "restart"),
                            ("start", "start"),
                            ("stop", "stop"),
                        ],
                        max_length=20,
                    ),
                ),
                ("target", models.CharField(blank=True, max_length=150)),
                ("release", models.CharField(blank=True, max_length=150)),
                ("previous", models.CharField(blank=True, max_length=150, verbose_name="previous release")),
                ("commit", models.CharField(blank=True, max_length=64)),
                ("subject", models.CharField(blank=True, max_length=255)),
                ("who", models.CharField(blank=True, max_length=150)),
                ("host", models.CharField(blank=True, max_length=255)),
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
                ("started", models.DateTimeField(db_index=True)),
                ("finished", models.DateTimeField(blank=True, null=True)),
                ("live_after", models.FloatField(blank=True, null=True)),
                ("duration", models.FloatField(blank=True, null=True)),
                ("error", models.CharField(blank=True, max_length=100)),
                ("error_message", models.TextField(blank=True)),
                ("error_hint", models.TextField(blank=True, verbose_name="what to do next")),
                ("error_code", models.IntegerField(blank=True, null=True, verbose_name="exit code")),
                ("warnings", models.JSONField(blank=True, default=list)),
                ("versions", models.JSONField(blank=True, default=dict)),
                ("configuration", models.JSONField(blank=True, default=dict)),
                ("options", models.JSONField(blank=True, default=dict)),
                ("log", models.TextField(blank=True)),
                ("digest", models.CharField(max_length=64)),
            ],
            options={
                "ordering": ("-started", "-pk"),
                "permissions": (("run_deployment", "Can run a deployment"),),
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="DeploymentStep",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("host", models.CharField(blank=True, max_length=255)),
                ("phase", models.CharField(blank=True, max_length=20)),
                ("name", models.CharField(blank=True, max_length=255)),
                ("status", models.CharField(blank=True, max_length=20)),
                ("at", models.FloatField(blank=True, null=True)),
                ("seconds", models.FloatField(blank=True, null=True)),
                ("note", models.TextField(blank=True)),
                ("tail", models.TextField(blank=True, verbose_name="last output")),
                (
                    "deployment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="steps",
                        to="django_selfdeploy.deployment",
                    ),
                ),
            ],
            options={
                "ordering": ("number", "pk"),
                "default_permissions": (),
            },
        ),
    ]
