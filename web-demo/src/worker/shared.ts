// The one worker of the page.
import { Client } from "./client";

/** Calls it; it begins to load at once. */
export const client = new Client();
