"""The sign-up, tried with phones: `pip install limpet twilio pytest`, then `pytest`. The fixture `limpet` comes with Limpet."""

from __future__ import annotations

import re

import pytest
from sign_up import SignUp

ANNA, BEN = "+14155550150", "+12125550151"
CODE = re.compile(r"Your code is (\d{6})\.")


@pytest.fixture
def app(limpet):
    return SignUp(limpet.client, limpet.service_sid)


def join(app, limpet, number):
    app.begin(number)
    assert app.confirm(number, limpet.phone(number).expect(CODE).match[1])
    return limpet.phone(number).expect(re.compile("Welcome"))


def test_who_brings_the_code_back_is_a_member(app, limpet):
    welcome = join(app, limpet, ANNA)
    assert app.members == {ANNA}
    assert {message.from_ for message in limpet.outbox} == {welcome.from_}  # one person, one number


def test_a_wrong_code_is_none(app, limpet):
    app.begin(ANNA)
    limpet.phone(ANNA).expect(CODE)
    assert not app.confirm(ANNA, "a guess")
    limpet.phone(ANNA).expect_nothing()


def test_who_writes_stop_hears_no_more(app, limpet):
    join(app, limpet, ANNA)
    join(app, limpet, BEN)
    limpet.phone(ANNA).reply("STOP")
    limpet.phone(ANNA).expect(re.compile("no more messages"))
    app.tell_all("There is news")
    limpet.phone(BEN).expect("There is news")
    limpet.phone(ANNA).expect_nothing()
    assert [message.error_code for message in limpet.phone(ANNA).messages][-1] == 21610


def test_a_number_that_does_not_exist(app, limpet):
    limpet.carrier.refuse(ANNA, 30005)
    app.begin(ANNA)
    assert [(message.status, message.error_code) for message in limpet.settle()] == [("failed", 30005)]
    assert not app.confirm(ANNA, "123456")


def test_after_a_year_of_silence_somebody_new_may_have_the_number(app, limpet):
    join(app, limpet, ANNA)
    limpet.travel(days=366)
    app.tell_all("Still there?")
    limpet.phone(ANNA).expect("Still there?")
