// The first that runs: the worker takes longest to load, so it begins before the page's own code.
import "./worker/shared";

void import("./main");
