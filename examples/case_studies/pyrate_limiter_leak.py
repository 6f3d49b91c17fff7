"""The background thread drops old items between the search for those in the window and their counting: one call too many passes."""

from pyrate_limiter import Duration, InMemoryBucket, Rate, RateItem

from examples.case_studies.together import together


def scenario() -> None:
    bucket = InMemoryBucket([Rate(2, Duration.SECOND)])
    for moment in (0, 1100, 1400):
        assert bucket.put(RateItem("client", moment))
    admitted: list[bool] = []
    together(lambda: admitted.append(bucket.put(RateItem("client", 1500))), lambda: bucket.leak(1500))
    assert admitted == [False]
