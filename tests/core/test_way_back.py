"""What a rollback does with the database: told from what releases wrote when they went live."""

from pathlib import Path
from typing import Any

import pytest

from django_selfdeploy.core import codec
from django_selfdeploy.core.actions.django import Ask
from django_selfdeploy.core.actions.files import Remove
from django_selfdeploy.core.agent import AgentSpec
from django_selfdeploy.core.backups import applied, store
from django_selfdeploy.core.backups.applied import Applied
from django_selfdeploy.core.distance import Distance, distance
from django_selfdeploy.core.errors import RollbackRefused
from django_selfdeploy.core.layout import Layout
from django_selfdeploy.core.rollback import taking_back, way_back
from tests.making import NEW, OLD

ONE = Applied("default", "pages", "0001")
TWO = Applied("default", "pages", "0002")
BREAKING = Applied("default", "pages", "0003", compatible=False)
STUCK = Applied("other", "shop", "0001", compatible=False, irreversible="Raw Python operation")


def between(since: Any = (), missing: Any = (), backup: str = "") -> Distance:
    return Distance(since, missing, backup)


def way(found: Distance, *, code_only: bool = False, migrations: bool = False) -> tuple[Applied, ...]:
    return way_back(found, to=OLD, code_only=code_only, migrations=migrations)


def test_what_is_compatible_stays() -> None:
    assert way(between((ONE, TWO))) == ()


def test_it_goes_when_that_is_asked_for_newest_first() -> None:
    assert way(between((ONE, TWO, BREAKING)), migrations=True) == (BREAKING, TWO, ONE)


def test_what_is_not_compatible_is_refused_with_the_choices() -> None:
    with pytest.raises(RollbackRefused) as caught:
        way(between((ONE, BREAKING, STUCK), backup="20261122-101112"))
    assert str(caught.value) == (
        f"{OLD} may not work with the database as it is now: of the migrations since, not compatible are pages.0003, "
        "shop.0001 on 'other'.\n"
        "`deploy_rollback --migrations` takes them back (`--dry-run` shows it), `--code-only` goes without. The backup "
        "from before them: `deploy_restore 20261122-101112` after `deploy_rollback --code-only`."
    )


def test_what_cannot_be_taken_back_is_refused_with_the_backup() -> None:
    with pytest.raises(RollbackRefused) as caught:
        way(between((ONE, STUCK)), migrations=True)
    assert str(caught.value) == (
        "shop.0001 on 'other' cannot be taken back: Raw Python operation.\n"
        "`--code-only` goes back without. There is no backup from before them."
    )


def test_a_release_whose_migrations_were_taken_back_is_not_gone_to() -> None:
    with pytest.raises(RollbackRefused, match=rf"{OLD} needs migrations that were taken back: pages.0002\."):
        way(between((), (TWO,)))


def test_code_alone_goes_whatever_the_database_is() -> None:
    assert way(between((STUCK,), (TWO,)), code_only=True) == ()


def test_where_nobody_knows_the_code_goes_alone() -> None:
    assert way(between(None, None), migrations=True) == ()


def test_migrations_are_taken_back_by_the_release_that_has_them() -> None:
    newer = AgentSpec(("python",), "/new")
    saving = Remove(("/a stand-in",))
    back_up, take_back = taking_back(newer, (BREAKING, TWO), saving)
    assert back_up.actions == (saving,)
    [ask] = take_back.actions
    assert isinstance(ask, Ask)
    assert (ask.agent, ask.question) == (newer, "unapply")
    assert ask.arguments == '{"migrations": [["default", "pages", "0003"], ["default", "pages", "0002"]]}'
    assert [one.question for one in take_back.undo if isinstance(one, Ask)] == ["migrate_all"]


# from the files of the releases


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(str(tmp_path))
    for identity, rows in {OLD: (ONE,), NEW: (ONE, TWO, BREAKING)}.items():
        Path(layout.release(identity)).mkdir(parents=True)
        Path(layout.migrations(identity)).write_text(codec.dumps(rows))
    return layout


def made_before(layout: Layout, identity: str, **migrations: tuple[str, ...]) -> None:
    dump = store.Dump("default", "sqlite", "3", "x", 1, "", 1, migrations)
    store.finish(store.begin(layout.backups), store.Backup(identity, "", "", "", "", (dump,)))


def test_the_distance_back_and_forth(layout: Layout) -> None:
    back = distance(layout, to=OLD, live=NEW, folder=layout.backups)
    assert back == Distance((TWO, BREAKING), (), "")
    assert distance(layout, to=NEW, live=OLD, folder=layout.backups) == Distance((), (TWO, BREAKING), "")


def test_the_newest_backup_from_before_all_of_them_is_named(layout: Layout) -> None:
    made_before(layout, "20260101-000001", pages=("0001",))
    made_before(layout, "20260101-000002", pages=("0001",))
    made_before(layout, "20260101-000003", pages=("0001", "0002"))
    made_before(layout, "20260101-000004", pages=("0001", "0002", "0003"))
    assert distance(layout, to=OLD, live=NEW, folder=layout.backups).backup == "20260101-000002"


def test_a_release_that_wrote_nothing_is_not_known(layout: Layout) -> None:
    Path(layout.migrations(OLD)).unlink()
    assert distance(layout, to=OLD, live=NEW, folder=layout.backups) == Distance(None, None, "")
    for text in ("", "{", "[1]", '{"$": "Layout", "root": "/"}'):
        Path(layout.migrations(OLD)).write_text(text)
        assert applied.read(layout.migrations(OLD)) is None
