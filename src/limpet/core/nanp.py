"""Area codes of the North American Numbering Plan: whose they are, and which others serve the same area.

Facts of the numbering plan administrator's public NPA report of 26 November 2025: the geographic codes that have a
country, in service or announced, and those in service that name no place. It knows nothing of numbers:
`limpet.core.address` finds the code in one. Countries are two letters of ISO 3166-1; the territories of the United
States go under letters of their own, as in `phonenumbers`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

# A line is a place and its codes. `201/551` serve one area together. `604=236/778` says it of 604 alone, where the rows
# of the report differ: 604 and 250 both serve with 236, but not with each other.
_US = """
    AK: 907
    AL: 205/659 251 256/938 334/483
    AR: 327/870 479 501
    AZ: 480/602/623 520 928
    CA: 209/350 213/323/738 279/916 310/424 341/510 357/559 369/707 408/669 415/628 442/760 530/837 562 619/858
        626 650 657/714 661 747/818 805/820 831 840/909 925 949 951
    CO: 303/720/983 719 748/970
    CT: 203/475 860/959
    DC: 202/771
    DE: 302
    FL: 239 305/645/786 321 324/904 352 386 407=321/689 448/850 561/728 656/813 689=321/407 727 754/954 772 863
        941
    GA: 229 404=470/678/943 470=404/678/770/943 478 565/912 678=404/470/770/943 706/762 770=470/678/943
        943=404/470/678/770
    HI: 808
    IA: 319 515 563 641 712
    ID: 208/986
    IL: 217/447 224/847 309/861 312=872 331/630 464/708 618/730 773=872 779/815 872=312/773
    IN: 219 260 317/463 574 765 812/930
    KS: 316 620 785 913
    KY: 270/364 502/761 606 859
    LA: 225 318/457 337 504 985
    MA: 339/781 351/978 413 508/774 617/857
    MD: 227/240/301 410/443/667
    ME: 207
    MI: 231 248/947 269 313/679 517 586 616 734=679 810 906 989
    MN: 218 320 507/924 612 651 763 952
    MO: 235/573 314/557 417 636 660 816/975
    MS: 228 471/662 601/769
    MT: 406
    NC: 252 336/743 472/910 704/980 828 919/984
    ND: 701
    NE: 308 402/531
    NH: 603
    NJ: 201/551 609/640 732/848 856 862/973 908
    NM: 505 575
    NV: 702/725 775
    NY: 212=332/646/917 315/680 329/845 332=212/646/917 347=465/718/917/929 363/516 465=347/718/917/929 518/838
        585 607 624/716 631/934 646=212/332/917 718=347/465/917/929 914 917=212/332/347/465/646/718/929
        929=347/465/718/917
    OH: 216 220/740 234/330 283/513 326/937 380/614 419/567 436/440
    OK: 405/572 539/918 580
    OR: 458/541 503/971
    PA: 215/267/445 223/717 272/570 412=878 484/610/835 582/814 724=878 878=412/724
    RI: 401
    SC: 803/839 821/864 843/854
    SD: 605
    TN: 423/729 615/629 731 865 901 931
    TX: 210/726 214/469/945/972 254 281=346/621/713/832 325 346=281/621/713/832 361 409 430/903 432 512/737
        621=281/346/713/832 682/817 713=281/346/621/832 806 830 832=281/346/713 915 936 940 956 979
    UT: 385/801 435
    VA: 276 434 540/826 571/703 686/804 757/948
    VT: 802
    WA: 206=564 253 360=564 425 509 564=206/360
    WI: 262 274/920 353/608 414 534/715
    WV: 304/681
    WY: 307
"""
_CA = """
    AB: 368=403/587/780/825 403=368/587/825 587=368/403/780/825 780=368/587/825 825=368/403/587/780
    BC: 236=250/257/604/672/778 250=236/257/672/778 257=236/250/604/672/778 604=236/257/672/778
        672=236/250/257/604/778 778=236/250/257/604/672
    MB: 204/431/584
    NB: 428/506
    NL: 709/879
    NS/PE: 782/902
    NT/YT/NU: 867
    ON: 226/382/519/548 249/683/705 289/365/742/905 343/613/753 416/437/647 807 942=416/437/647
    QC: 263/438/514 273=367/418/581 354/450/579 367/418/581 468/819/873
    SK: 306/474/639
"""
# Countries with a single place: its name is the country.
_ELSEWHERE = """
    AG: 268
    AI: 264
    AS: 684
    BB: 246
    BM: 441
    BS: 242
    DM: 767
    DO: 809/829/849
    GD: 473
    GU: 671
    JM: 658/876
    KN: 869
    KY: 345
    LC: 758
    MP: 670
    MS: 664
    PR: 787/939
    SX: 721
    TC: 649
    TT: 868
    VC: 784
    VG: 284
    VI: 340
"""

TOLL_FREE = frozenset({"800", "833", "844", "855", "866", "877", "888"})
"""Codes whose calls and texts the called party pays for; they have no area and serve the whole plan."""

_US_WITHOUT_AREA = """
    500 521 522 523 524 525 526 527 528 529 532 533 538 544 566 577 588 700 710 900
"""
_CA_WITHOUT_AREA = """
    600 622 633
"""


@dataclass(frozen=True, slots=True)
class AreaCode:
    """What the report says of a geographic code.

    `location` is a state or province as the post abbreviates it (several, by slashes, where they share the code), or
    the country. `overlay` holds the other codes of the area as the row of *this* code has them: it is not transitive.
    """

    country: str
    location: str
    overlay: frozenset[str]


def overlay(area_code: str) -> frozenset[str]:
    """The other codes that serve the same area; empty when it stands alone, names no place or is not assigned."""
    found = AREA_CODES.get(area_code)
    return found.overlay if found else frozenset()


def country(area_code: str) -> str | None:
    """The country of an area code, two letters; None when it is not assigned.

    Toll-free and personal codes belong to the whole plan: as in `phonenumbers`, they are taken for the United States'.
    """
    return _COUNTRIES.get(area_code)


def location(area_code: str) -> str | None:
    """The state, province or country that a geographic code serves; None for any other code."""
    found = AREA_CODES.get(area_code)
    return found.location if found else None


def _codes(token: str) -> Iterator[tuple[str, frozenset[str]]]:
    alone, _, others = token.partition("=")
    if others:
        yield alone, frozenset(others.split("/"))
        return
    codes = frozenset(token.split("/"))
    yield from ((code, codes - {code}) for code in codes)


def _rows(table: str) -> Iterator[tuple[str, str, frozenset[str]]]:
    place = ""
    for word in table.split():
        if word.endswith(":"):
            place = word.removesuffix(":")
        else:
            yield from ((code, place, others) for code, others in _codes(word))


AREA_CODES: Mapping[str, AreaCode] = (
    {code: AreaCode("US", place, others) for code, place, others in _rows(_US)}
    | {code: AreaCode("CA", place, others) for code, place, others in _rows(_CA)}
    | {code: AreaCode(place, place, others) for code, place, others in _rows(_ELSEWHERE)}
)
"""Every geographic code of the report."""

_COUNTRIES: Mapping[str, str] = (
    {code: found.country for code, found in AREA_CODES.items()}
    | dict.fromkeys((*TOLL_FREE, *_US_WITHOUT_AREA.split()), "US")
    | dict.fromkeys(_CA_WITHOUT_AREA.split(), "CA")
)
