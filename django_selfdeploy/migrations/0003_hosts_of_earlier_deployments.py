from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

ROWS = 20
SAME = (
    *("release", "previous", "status", "started", "finished", "live_after", "duration"),
    *("error", "error_message", "error_hint", "error_code", "warnings", "versions", "log", "digest"),
)


def give_each_its_host(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """What was recorded before ran on one host. Names of several come from a later version that was taken back: the
    next import makes their rows again.
    """
    using = schema_editor.connection.alias
    deployments = apps.get_model("django_selfdeploy", "Deployment").objects.using(using)
    hosts = apps.get_model("django_selfdeploy", "DeploymentHost").objects.using(using)
    alone = deployments.filter(hosts=None).exclude(host__contains=", ")
    earlier = alone.order_by("pk").values("pk", "host", *SAME).iterator(ROWS)
    made = (
        hosts.model(deployment_id=row["pk"], host=row["host"][:150], **{name: row[name] for name in SAME})
        for row in earlier
    )
    hosts.bulk_create(made, batch_size=ROWS)


class Migration(migrations.Migration):
    dependencies = [("django_selfdeploy", "0002_deploymenthost")]
    selfdeploy = "expand"

    operations = [migrations.RunPython(give_each_its_host, migrations.RunPython.noop)]
