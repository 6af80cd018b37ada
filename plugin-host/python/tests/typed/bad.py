"""What `mypy --strict` refuses, with the error that each line is to have."""

import polars

import ilk_plugin
from ilk_plugin import Comparison, Items, Job, SimilarityJob

orders = polars.DataFrame({"member": [1, 1], "product": ["tea", "milk"]})
ilk_plugin.similar_items(orders, user="member", itme="product")  # error: Unexpected keyword argument "itme"
ilk_plugin.similar_items(orders, user="member")  # error: No overload variant of "similar_items"
ilk_plugin.similar_items([1, 2], user="member", item="product")  # error: No overload variant
ilk_plugin.similar_items(orders, user="member", item="product", job={"measure": "lrr"})  # error: No overload
ilk_plugin.similar_items(orders, user="member", item="product", time_unit="h")  # error: No overload variant
ilk_plugin.similar_items(orders, user="member", item="product", on_notes=print).foo  # error: has no attribute "foo"
SimilarityJob(measure="lrr")  # error: Argument "measure" to "SimilarityJob" has incompatible type "Literal['lrr']"
SimilarityJob(mesure="llr")  # error: Unexpected keyword argument "mesure" for "SimilarityJob"; did you mean "measure"?
SimilarityJob(top="many")  # error: Argument "top" to "SimilarityJob" has incompatible type "str"
wish: Job = {"tops": 3}  # error: Extra key "tops" for TypedDict "Job"
ilk_plugin.Session(usr="member", item="product")  # error: Unexpected keyword argument "usr" for "Session"
ilk_plugin.load(deadline="5 s")  # error: Argument "deadline" to "load" has incompatible type "str"
Comparison(Items(users=1, codes=[0], supports=[1]), sides="all")  # error: Argument "sides" to "Comparison" has
text: str = ilk_plugin.Session(user="member", item="product").notes()  # error: Incompatible types in assignment
