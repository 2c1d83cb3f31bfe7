"""
Peer: let one package judge streams day by day: `python drift.py PEER ASKED.json`, with the Python that has the package.

ASKED has `files` and, where settings were chosen before, `chosen`: the numbers of the two or more to run, by column. Each file holds arrays of one element a record: `day` (days below `reference_days` are the reference), `label`, and the numbers
`score`, `text_chars`, `unknown_share`, `latency_ms`. Prints one JSON object: the package's version, its settings from the default to
ever quieter ones, and for each file, column and setting the days that alarm. Needs numpy and the package, nothing of ours.
"""

import importlib.metadata
import json
import os
import sys
import time
import warnings

import numpy as np

os.environ["DO_NOT_TRACK"] = "1"
NUMBERS = ("score", "text_chars", "unknown_share", "latency_ms")
COLUMNS = ("label", *NUMBERS)
SCALES = (1.0, 1.1, 1.2, 1.35, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 6.0, 10.0)  # times the default threshold
LEVELS = (0.05, 0.01, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8, 1e-10, 1e-15, 1e-25, 1e-50)  # p-values
DELTAS = (0.002, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8, 1e-10, 1e-15, 1e-25, 1e-50)
LAMBDAS = (50.0, 100.0, 200.0, 400.0, 800.0, 1600.0, 3200.0, 6400.0, 12800.0)
WARMING_DAYS = 14  # of the reference, for detectors that learn as they go
DEVIATIONS = (3, 4, 5, 6, 8, 10, 15, 20, 30)


def evidently(reference, days, chosen):
    """ValueDrift of each column, each day's rows against the reference: the package chooses method and threshold."""
    import pandas as pd
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift

    definition = DataDefinition(numerical_columns=list(NUMBERS), categorical_columns=["label"])

    def dataset(part):
        frame = pd.DataFrame({"label": part["label"].astype(str), **{name: part[name] for name in NUMBERS}})
        return Dataset.from_pandas(frame, data_definition=definition)

    pinned, found = dataset(reference), {name: [] for name in COLUMNS}
    for day in days:
        told = Report([ValueDrift(column=name) for name in COLUMNS]).run(dataset(day), pinned).dict()["metrics"]
        for one in told:
            found[one["config"]["column"]].append(float(one["value"]) / one["config"]["threshold"])
    return {
        name: [np.flatnonzero(np.array(values) >= scale) for scale in chosen[name]] for name, values in found.items()
    }


def nannyml(reference, days, chosen):
    """Univariate drift of daily chunks by Jensen-Shannon distance, outside mean +- k sd of the reference's chunks."""
    import pandas as pd
    from nannyml.drift.univariate import UnivariateDriftCalculator
    from nannyml.thresholds import StandardDeviationThreshold

    def frame(part):
        columns = {"label": pd.Categorical(part["label"].astype(str)), **{name: part[name] for name in NUMBERS}}
        return pd.DataFrame({"at": pd.Timestamp("2024-01-01") + pd.to_timedelta(part["day"], unit="D"), **columns})

    live = {name: np.concatenate([day[name] for day in days]) for name in reference}
    alarms = {}
    for deviations in sorted({one for many in chosen.values() for one in many}):
        limits = {"jensen_shannon": StandardDeviationThreshold(deviations, deviations, offset_from=np.mean)}
        one = UnivariateDriftCalculator(
            column_names=list(COLUMNS), timestamp_column_name="at", chunk_period="D", thresholds=limits
        )
        result = one.fit(frame(reference)).calculate(frame(live)).filter(period="analysis").to_df()
        for name in COLUMNS:
            alarms[name, deviations] = np.flatnonzero(result[name]["jensen_shannon"]["alert"].to_numpy(bool))
    return {name: [alarms[name, one] for one in many] for name, many in chosen.items()}


def alibi_detect(reference, days, chosen):
    """TabularDrift of each day's rows: Kolmogorov-Smirnov and chi-square, Bonferroni over the five columns."""
    from alibi_detect.cd import TabularDrift

    def table(part):
        return np.stack([part[name].astype(np.float32) for name in COLUMNS], axis=1)

    most = max(int(part["label"].max()) for part in (reference, *days))
    one = TabularDrift(table(reference), categories_per_feature={0: list(range(most + 1))})
    values = np.array([one.predict(table(day), drift_type="feature")["data"]["p_val"] for day in days])
    return {
        name: [np.flatnonzero(values[:, at] < level / len(COLUMNS)) for level in chosen[name]]
        for at, name in enumerate(COLUMNS)
    }


def _online(make, update):
    """
    Feed every record of each number to a detector of its own, the newest of the reference first; a day alarms when it does in it.

    The numbers are in standard deviations of the reference: the defaults know nothing of milliseconds.
    """

    def judge(reference, days, chosen):
        newest = reference["day"] >= reference["day"].max() - WARMING_DAYS
        found = {}
        for name in NUMBERS:
            usual = reference[name].astype(float)
            middle, spread = usual.mean(), max(usual.std(), 1e-12)
            found[name] = []
            for setting in chosen[name]:
                detector = make(setting)
                for value in ((usual[newest] - middle) / spread).tolist():
                    update(detector, value)
                alarms = []
                for at, day in enumerate(days):
                    said = [update(detector, value) for value in ((day[name] - middle) / spread).tolist()]
                    alarms += [at] if any(said) else []
                found[name].append(np.array(alarms, int))
        return found

    return judge


def _river_update(detector, value):
    detector.update(value)
    return detector.drift_detected


def _frouros_update(detector, value):
    detector.update(value=value)
    drifted = detector.drift
    if drifted:
        detector.reset()
    return drifted


def _adwin(delta):
    from river.drift import ADWIN

    return ADWIN(delta=delta)


def _page_hinkley(threshold):
    from river.drift import PageHinkley

    return PageHinkley(threshold=threshold)


def _frouros_page_hinkley(threshold):
    from frouros.detectors.concept_drift import PageHinkley, PageHinkleyConfig

    return PageHinkley(config=PageHinkleyConfig(lambda_=threshold))


PEERS = {  # name: package, how it judges, settings
    "evidently": ("evidently", evidently, SCALES),
    "nannyml": ("nannyml", nannyml, DEVIATIONS),
    "alibi-detect": ("alibi-detect", alibi_detect, LEVELS),
    "river-adwin": ("river", _online(_adwin, _river_update), DELTAS),
    "river-page-hinkley": ("river", _online(_page_hinkley, _river_update), LAMBDAS),
    "frouros-page-hinkley": ("frouros", _online(_frouros_page_hinkley, _frouros_update), LAMBDAS),
}


def main(peer, asked):
    """Judge every file and print what alarmed."""
    warnings.simplefilter("ignore")
    package, judge, settings = PEERS[peer]
    began, found = time.perf_counter(), []
    numbers = asked.get("chosen") or {name: range(len(settings)) for name in COLUMNS}
    chosen = {name: [settings[at] for at in many] for name, many in numbers.items()}
    for name in asked["files"]:
        with np.load(name) as held:
            arrays = {key: held[key] for key in (*COLUMNS, "day")}
            first = int(held["reference_days"])
        day = arrays["day"]
        parts = [{key: values[day == at] for key, values in arrays.items()} for at in range(first, int(day.max()) + 1)]
        told = judge({key: values[day < first] for key, values in arrays.items()}, parts, chosen)
        found.append({name: [one.tolist() for one in alarms] for name, alarms in told.items()})
    print(json.dumps({"package": package, "version": importlib.metadata.version(package), "settings": settings,
                      "streams": found, "seconds": round(time.perf_counter() - began, 1)}))  # fmt: skip


if __name__ == "__main__":
    with open(sys.argv[2], encoding="utf-8") as file:
        main(sys.argv[1], json.load(file))
