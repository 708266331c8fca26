"""What is sealed opens under its key only, and what is hashed stays hashed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.store.database import DatabaseUnusable
from limpet.store.secrets import KEY_BYTES, Vault, load_or_create_key, parse_key

VAULT = Vault(b"k" * KEY_BYTES)
OTHER = Vault(b"o" * KEY_BYTES)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_sealed_is_opened_and_shows_nothing(secret: str) -> None:
    sealed = VAULT.seal(secret)
    assert VAULT.open(sealed) == secret
    assert sealed != VAULT.seal(secret)
    assert len(secret) < 4 or secret.encode() not in sealed


@pytest.mark.parametrize("spoil", [lambda s: s[:-1] + bytes([s[-1] ^ 1]), lambda s: s[:20], lambda s: b""])
def test_a_changed_seal_is_not_opened(spoil: object) -> None:
    assert callable(spoil)
    with pytest.raises(DatabaseUnusable):
        VAULT.open(spoil(VAULT.seal("secret")))


def test_another_key_neither_opens_nor_hashes_alike() -> None:
    with pytest.raises(DatabaseUnusable):
        OTHER.open(VAULT.seal("secret"))
    assert OTHER.hash_secret("secret") != VAULT.hash_secret("secret") == VAULT.hash_secret("secret")


def test_a_secret_is_32_hexadecimal_digits_and_new() -> None:
    made = {VAULT.new_secret() for _ in range(100)}
    assert len(made) == 100
    assert all(len(secret) == 32 and int(secret, 16) >= 0 for secret in made)


def test_a_key_file_is_made_once_and_only_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    key = load_or_create_key(path)
    assert load_or_create_key(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["secret.key"]


@pytest.mark.parametrize("text", ["", "zz" * 32, "ab" * 31, "ab" * 33, "\x00"])
def test_what_is_no_key_is_refused(tmp_path: Path, text: str) -> None:
    assert parse_key(text) is None
    path = tmp_path / "secret.key"
    path.touch(0o600)
    path.write_text(text)
    with pytest.raises(DatabaseUnusable, match="64 hexadecimal digits"):
        load_or_create_key(path)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    load_or_create_key(path)
    path.chmod(0o640)
    with pytest.raises(DatabaseUnusable, match="chmod 600"):
        load_or_create_key(path)


def test_a_place_where_no_key_can_be_kept_is_said(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnusable, match="cannot be used"):
        load_or_create_key(tmp_path / "missing" / "secret.key")


def test_a_short_master_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Vault(b"short")
