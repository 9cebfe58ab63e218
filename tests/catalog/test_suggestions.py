import pytest

from apps.audit.models import AuditEntry
from apps.catalog.documents import entity_document
from apps.catalog.models import Entity, Suggestion
from apps.catalog.suggestions import apply_suggestion, offer, save_suggestion, set_ignored
from apps.core.errors import BadRequestError, ForbiddenError, NotFoundError, ValidationError, ValidationErrors

pytestmark = pytest.mark.django_db
SERVICE = {"id": "repo.service", "blueprintId": "service", "title": "Repo", "properties": {"stars": 2}}


@pytest.fixture
def repo(save):
    return save("repo", "github.v1.repository").entity


@pytest.fixture
def offered(repo):
    def offer_one(**data):
        return offer(origin_id="rule", source=repo, data={**SERVICE, **data})

    return offer_one


def stored(id):
    return Entity.objects.select_related("blueprint").filter(natural_id=id).first()


def one():
    [row] = Suggestion.objects.all()
    return row


def test_an_offer_writes_a_suggestion_and_no_entity(offered, heard):
    heard()
    suggestion = offered().suggestion
    assert (suggestion.title, suggestion.origin_id, suggestion.source_id, suggestion.target_id) == (
        "Repo", "rule", "repo", "repo.service",
    )  # fmt: skip
    assert suggestion.source_context == {"id": "repo", "blueprintId": "github.v1.repository", "title": "Repo"}
    assert (suggestion.target_context, suggestion.state) == (None, "open")
    assert (stored("repo.service"), heard()) == (None, [])


def test_the_same_offer_is_one_suggestion_and_a_new_one_refreshes_it(offered):
    first = offered()
    assert offered().change is None
    again = offered(properties={"stars": 3})
    assert (first.change, again.change, again.suggestion.id) == ("create", "refresh", first.suggestion.id)
    assert one().data["properties"] == {"stars": 3}
    assert one().refreshed_at > first.suggestion.refreshed_at


def test_applying_creates_the_target_adds_the_source_and_tells_both(offered, heard, owner):
    suggestion = offered().suggestion
    heard()
    applied = apply_suggestion(actor=owner.actor, suggestion=suggestion)
    assert heard() == [("create", "repo.service"), ("addedAsSource", "repo")]
    assert (applied.dry_run, applied.ignored, applied.previous_state) == (False, False, None)
    assert applied.new_state == entity_document(stored("repo.service"))
    assert stored("repo.service").sources == ["github.v1.repository.repo", "rule"]
    assert (one().state, one().last_applied_at is not None) == ("applied", True)
    assert AuditEntry.objects.filter(event="apply", resource_type="suggestion", user=owner.user).count() == 1


def test_applying_again_changes_nothing_and_tells_nobody(offered, heard, owner):
    suggestion = offered().suggestion
    first = apply_suggestion(actor=owner.actor, suggestion=suggestion)
    moment = one().last_applied_at
    heard()
    again = apply_suggestion(actor=owner.actor, suggestion=suggestion)
    assert (again.previous_state, again.new_state, heard()) == (first.new_state, first.new_state, [])
    assert one().last_applied_at > moment


def test_a_refresh_opens_what_was_applied_and_applying_it_merges(offered, heard, owner, save):
    apply_suggestion(actor=owner.actor, suggestion=offered().suggestion)
    save("repo.service", actor=owner.actor, merge=True, title=None, properties={"readme": "by hand"})
    offered(properties={"stars": 5})
    assert (one().state, one().target_context["title"]) == ("open", "Repo")
    heard()
    applied = apply_suggestion(actor=owner.actor, suggestion=one())
    assert applied.previous_state["properties"] == {"stars": 2, "readme": "by hand"}
    assert applied.new_state["properties"] == {"stars": 5, "readme": "by hand"}
    assert heard() == [("update", "repo.service")]


def test_a_dry_run_shows_both_states_and_writes_nothing(offered, heard, owner):
    suggestion = offered().suggestion
    heard()
    preview = apply_suggestion(actor=owner.actor, suggestion=suggestion, dry_run=True)
    assert (preview.dry_run, preview.previous_state, preview.new_state["properties"]) == (True, None, {"stars": 2})
    assert (stored("repo.service"), one().last_applied_at, heard()) == (None, None, [])
    done = apply_suggestion(actor=owner.actor, suggestion=suggestion).new_state
    stamps = {"createdAt", "updatedAt", "createdBy", "updatedBy"}
    assert {k: v for k, v in preview.new_state.items() if k not in stamps} == {
        k: v for k, v in done.items() if k not in stamps
    }


def test_an_ignored_one_is_not_applied(offered, heard, owner):
    suggestion = set_ignored(actor=owner.actor, suggestion=offered().suggestion, ignored=True)
    heard()
    applied = apply_suggestion(actor=owner.actor, suggestion=suggestion)
    assert (applied.ignored, applied.previous_state, applied.new_state) == (True, None, None)
    assert (stored("repo.service"), one().last_applied_at, heard()) == (None, None, [])


def test_the_given_override_wins_over_the_stored_one_and_both_over_the_target(offered, owner, save):
    suggestion = offered().suggestion
    save("payments")
    save("billing")
    Suggestion.objects.update(target_id_override="payments")
    apply_suggestion(actor=owner.actor, suggestion=suggestion)
    assert stored("payments").properties == {"stars": 2}
    apply_suggestion(actor=owner.actor, suggestion=suggestion, target_id_override="billing")
    assert stored("billing").sources == ["github.v1.repository.repo", "rule"]
    assert stored("repo.service") is None


def test_an_override_is_an_entity_that_is_there_and_of_the_same_blueprint(offered, owner, save, stranger):
    suggestion = offered().suggestion
    with pytest.raises(BadRequestError, match="nobody not found"):
        apply_suggestion(actor=owner.actor, suggestion=suggestion, target_id_override="nobody")
    with pytest.raises(BadRequestError, match="is of the blueprint"):
        apply_suggestion(actor=owner.actor, suggestion=suggestion, target_id_override="repo")
    with pytest.raises(NotFoundError):
        apply_suggestion(actor=stranger.actor, suggestion=suggestion)


def test_what_is_applied_obeys_the_blueprint(offered, owner):
    suggestion = offered(properties={"stars": "many"}).suggestion
    for dry_run in (True, False):
        with pytest.raises(ValidationErrors) as caught:
            apply_suggestion(actor=owner.actor, suggestion=suggestion, dry_run=dry_run)
        assert [error.field for error in caught.value.errors] == ["properties.stars"]
    assert one().last_applied_at is None


def test_a_suggestion_without_data_has_nothing_to_apply(owner, repo):
    fields = {"title": "x", "origin_id": "rule", "source_id": "repo", "target_id": "t"}
    row, _ = save_suggestion(actor=owner.actor, id=None, fields=fields)
    with pytest.raises(ValidationError, match="nothing to apply"):
        apply_suggestion(actor=owner.actor, suggestion=row)


def test_with_auto_apply_later_offers_are_written_at_once(offered, heard):
    offered()
    Suggestion.objects.update(auto_apply=True)
    heard()
    again = offered(properties={"stars": 9})
    assert (again.change, again.applied.change) == ("refresh", "create")
    assert heard() == [("create", "repo.service"), ("addedAsSource", "repo")]
    assert (one().state, stored("repo.service").properties) == ("applied", {"stars": 9})
    Suggestion.objects.update(ignored=True)
    assert offered(properties={"stars": 10}).applied is None
    assert stored("repo.service").properties == {"stars": 9}


def test_what_an_automation_offers_carries_its_depth(offered, heard, repo):
    offered()
    Suggestion.objects.update(auto_apply=True)
    heard()
    offer(origin_id="rule", source=repo, data={**SERVICE, "title": "Other"}, depth=3)
    assert {event.depth for event in heard.events()} == {3}


def test_an_offer_whose_target_is_no_id_is_refused(offered):
    for id in (None, "Not an id", 5):
        with pytest.raises(ValidationErrors):
            offered(id=id)
    assert not Suggestion.objects.exists()


def test_a_monitor_applies_and_ignores_nothing(offered, monitor):
    suggestion = offered().suggestion
    with pytest.raises(ForbiddenError):
        apply_suggestion(actor=monitor.actor, suggestion=suggestion)
    with pytest.raises(ForbiddenError):
        set_ignored(actor=monitor.actor, suggestion=suggestion, ignored=True)
