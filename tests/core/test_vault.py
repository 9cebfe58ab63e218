import pytest

from apps.core import vault

OLD, NEW = ("k1", b"1" * 32), ("k2", b"2" * 32)


@pytest.fixture(autouse=True)
def keys(settings):
    settings.JUNCTION_KEYS = [NEW, OLD]


def seal(text=b"hunter2", purpose="connection.secret", row="row-1"):
    return vault.encrypt(text, purpose=purpose, row=row)


def test_what_is_sealed_opens_for_the_same_row_and_purpose():
    envelope = seal()

    assert b"hunter2" not in envelope
    assert vault.decrypt(envelope, purpose="connection.secret", row="row-1") == b"hunter2"
    assert vault.decrypt(memoryview(envelope), purpose="connection.secret", row="row-1") == b"hunter2"


def test_the_same_secret_is_never_sealed_alike():
    assert seal() != seal()


@pytest.mark.parametrize(("purpose", "row"), [("connection.secret", "row-2"), ("oauth.state", "row-1")])
def test_an_envelope_moved_to_another_row_or_purpose_stays_shut(purpose, row):
    with pytest.raises(vault.CannotOpenError, match=row):
        vault.decrypt(seal(), purpose=purpose, row=row)


def test_every_damaged_byte_is_noticed():
    envelope = seal()
    for position in range(len(envelope)):
        damaged = bytearray(envelope)
        damaged[position] ^= 1
        with pytest.raises(vault.VaultError):
            vault.decrypt(bytes(damaged), purpose="connection.secret", row="row-1")


@pytest.mark.parametrize("junk", [b"", b"\x01", b"\x01\x02k1", b"plain text that was never sealed at all"])
def test_what_was_never_sealed_says_so(junk):
    with pytest.raises(vault.CannotOpenError, match="not a sealed secret"):
        vault.decrypt(junk, purpose="connection.secret", row="row-1")


def test_rotation_goes_on_while_both_keys_are_known(settings):
    settings.JUNCTION_KEYS = [OLD]
    envelope = seal()
    assert not vault.needs_rotation(envelope)

    settings.JUNCTION_KEYS = [NEW, OLD]
    assert vault.needs_rotation(envelope)
    assert vault.decrypt(envelope, purpose="connection.secret", row="row-1") == b"hunter2"
    rotated = vault.rotate(envelope, purpose="connection.secret", row="row-1")

    settings.JUNCTION_KEYS = [NEW]
    assert not vault.needs_rotation(rotated)
    assert vault.rotate(rotated, purpose="connection.secret", row="row-1") == rotated
    assert vault.decrypt(rotated, purpose="connection.secret", row="row-1") == b"hunter2"
    with pytest.raises(vault.UnknownKeyError, match="'k1'"):
        vault.decrypt(envelope, purpose="connection.secret", row="row-1")


@pytest.mark.parametrize("keys", [[], [("short", b"x" * 16)]])
def test_a_vault_without_proper_keys_says_so(settings, keys):
    settings.JUNCTION_KEYS = keys
    with pytest.raises(vault.NoKeysError, match="JUNCTION_KEYS"):
        seal()


def test_documents_go_in_and_out():
    envelope = vault.encrypt_json({"a": ["ü", 1]}, purpose="p", row=7)

    assert vault.decrypt_json(envelope, purpose="p", row=7) == {"a": ["ü", 1]}
    assert vault.decrypt_json(b"", purpose="p", row=7) == {}


DOCUMENT = {
    "name": "crm",
    "auth": {"token": "t0k", "empty": "", "user": "ana"},
    "headers": [{"name": "X-A", "value": "va"}, {"name": "X-B", "value": "vb"}],
    "encrypted": {"one": "1", "two": "2"},
}
PATHS = ["auth.token", "auth.empty", "auth.missing", "headers.value", "encrypted.*"]


def test_mask_hides_what_is_secret_and_holds_something():
    assert vault.mask(DOCUMENT, PATHS) == {
        "name": "crm",
        "auth": {"token": "******", "empty": "", "user": "ana"},
        "headers": [{"name": "X-A", "value": "******"}, {"name": "X-B", "value": "******"}],
        "encrypted": {"one": "******", "two": "******"},
    }
    assert DOCUMENT["auth"]["token"] == "t0k"


def test_writing_the_masked_document_back_changes_nothing():
    assert vault.unmask(vault.mask(DOCUMENT, PATHS), DOCUMENT, PATHS) == DOCUMENT
    assert vault.unmask(vault.mask(DOCUMENT, PATHS), DOCUMENT) == DOCUMENT


def test_a_new_secret_replaces_the_stored_one_and_order_of_named_items_does_not_matter():
    new = {"auth": {"token": "fresh"}, "headers": [{"name": "X-B", "value": "******"}]}

    assert vault.unmask(new, DOCUMENT) == {"auth": {"token": "fresh"}, "headers": [{"name": "X-B", "value": "vb"}]}


def test_a_mask_where_nothing_is_stored_is_an_error_that_names_the_place():
    with pytest.raises(vault.MaskError, match=r"^headers\.0\.value: "):
        vault.unmask({"headers": [{"name": "X-New", "value": "******"}]}, DOCUMENT)


def test_stars_outside_the_secret_paths_are_text():
    assert vault.unmask({"name": "******", "auth": {"token": "******"}}, DOCUMENT, PATHS) == {
        "name": "******",
        "auth": {"token": "t0k"},
    }
