"""The story of every deployment, as the database keeps it; the truth is the journal on the host."""

from __future__ import annotations

from django.db import models

from .core import journal

# The longest indexed text is 150 characters: MySQL allows 191 in its narrowest index, four bytes each.


class Deployment(models.Model):
    """One deployment, rollback or restore on all its hosts, written from their journals and changed by nobody else.

    Times are UTC, `live_after` and `duration` are seconds since the command was given; None is not known, or
    not yet. What the hosts tell differently is told for all of them as tell.whole says; `host` names them all.
    """

    class Kind(models.TextChoices):
        DEPLOY = "deploy", "deploy"
        ROLLBACK = "rollback", "rollback"
        RESTART = "restart", "restart"
        START = "start", "start"
        STOP = "stop", "stop"
        BACKUP = "backup", "backup"
        RESTORE = "restore", "restore"

    class Status(models.TextChoices):
        RUNNING = journal.RUNNING, "running"
        SUCCEEDED = journal.SUCCEEDED, "succeeded"
        FAILED = journal.FAILED, "failed"
        SWITCHED_BACK = journal.SWITCHED_BACK, "switched back"
        CANCELLED = journal.CANCELLED, "cancelled"
        INTERRUPTED = journal.INTERRUPTED, "interrupted"
        UNCHANGED = journal.UNCHANGED, "unchanged"
        INCOMPLETE = journal.INCOMPLETE, "incomplete"

    identity = models.CharField(max_length=150, unique=True)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    target = models.CharField(max_length=150, blank=True)
    release = models.CharField(max_length=150, blank=True)
    previous = models.CharField("previous release", max_length=150, blank=True)
    commit = models.CharField(max_length=64, blank=True)
    subject = models.CharField(max_length=255, blank=True)
    who = models.CharField(max_length=150, blank=True)
    host = models.CharField(max_length=255, blank=True)
    status = models.CharField(max_length=20, choices=Status.choices)
    started = models.DateTimeField(db_index=True)
    finished = models.DateTimeField(null=True, blank=True)
    live_after = models.FloatField(null=True, blank=True)
    duration = models.FloatField(null=True, blank=True)
    error = models.CharField(max_length=100, blank=True)
    error_message = models.TextField(blank=True)
    error_hint = models.TextField("what to do next", blank=True)
    error_code = models.IntegerField("exit code", null=True, blank=True)
    warnings = models.JSONField(default=list, blank=True)
    versions = models.JSONField(default=dict, blank=True)
    configuration = models.JSONField(default=dict, blank=True)
    options = models.JSONField(default=dict, blank=True)
    migrations = models.JSONField(null=True, blank=True)
    log = models.TextField(blank=True)
    digest = models.CharField(max_length=64)

    class Meta:
        ordering = ("-started", "-pk")
        default_permissions = ("view",)
        permissions = (("run_deployment", "Can run a deployment"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.identity}"


class DeploymentHost(models.Model):
    """What came of a deployment on one host; `digest` is the SHA-256 of the journal that the row was made from."""

    deployment = models.ForeignKey(Deployment, models.CASCADE, related_name="hosts")
    host = models.CharField(max_length=150, blank=True)
    release = models.CharField(max_length=150, blank=True)
    previous = models.CharField("previous release", max_length=150, blank=True)
    status = models.CharField(max_length=20, choices=Deployment.Status.choices)
    started = models.DateTimeField()
    finished = models.DateTimeField(null=True, blank=True)
    live_after = models.FloatField(null=True, blank=True)
    duration = models.FloatField(null=True, blank=True)
    error = models.CharField(max_length=100, blank=True)
    error_message = models.TextField(blank=True)
    error_hint = models.TextField("what to do next", blank=True)
    error_code = models.IntegerField("exit code", null=True, blank=True)
    warnings = models.JSONField(default=list, blank=True)
    versions = models.JSONField(default=dict, blank=True)
    log = models.TextField(blank=True)
    digest = models.CharField(max_length=64)

    class Meta:
        ordering = ("host",)
        constraints = (models.UniqueConstraint(fields=("deployment", "host"), name="selfdeploy_once_per_host"),)
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.deployment} on {self.host}"


class DeploymentStep(models.Model):
    """One step of a deployment on the host of that name; `at` is seconds since the command was given, `seconds` what
    it took.
    """

    deployment = models.ForeignKey(Deployment, models.CASCADE, related_name="steps")
    number = models.PositiveIntegerField()
    host = models.CharField(max_length=255, blank=True)
    phase = models.CharField(max_length=20, blank=True)
    name = models.CharField(max_length=255, blank=True)
    status = models.CharField(max_length=20, blank=True)
    at = models.FloatField(null=True, blank=True)
    seconds = models.FloatField(null=True, blank=True)
    note = models.TextField(blank=True)
    tail = models.TextField("last output", blank=True)

    class Meta:
        ordering = ("number", "pk")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.number} {self.phase}: {self.name}"
