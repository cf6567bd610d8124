from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("django_selfdeploy", "0004_deployment_migrations"),
    ]

    operations = [
        migrations.AlterField(
            model_name="deployment",
            name="kind",
            field=models.CharField(
                choices=[
                    ("deploy", "deploy"),
                    ("rollback", "rollback"),
                    ("restart", "restart"),
                    ("start", "start"),
                    ("stop", "stop"),
                    ("backup", "backup"),
                    ("restore", "restore"),
                ],
                max_length=20,
            ),
        ),
    ]
