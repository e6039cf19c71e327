import "./styles/app.css";

import { effect } from "@preact/signals";
import { render } from "preact";
import { Shell } from "~/app/shell";
import { go, startRouter } from "~/app/router";
import { startKeys } from "~/app/keys";
import { startTheme } from "~/app/theme";
import { loadCharts } from "~/parts/chart";
import { keepColours, serviceClass } from "~/logic/colours";
import { own } from "~/logic/identity";
import { eachSecond, startClock } from "~/store/clock";
import { startCalls } from "~/store/calls";
import { start } from "~/store/connection";
import { startHour } from "~/store/hour";
import { services, table } from "~/store/table";

/** What the first page does not need comes after it. */
const IDLE_MS = 2000;

keepColours(localStorage, "mdk-colours");
effect(() => {
  for (const service of services.value) serviceClass(service); // In order of names: alike in most browsers.
});
startTheme();
startRouter();
startKeys();
startClock();
eachSecond(() => table.tidy());

// After a login the server leads to the first page; go on where it was wanted.
const back = sessionStorage.getItem(own.returnKey);
sessionStorage.removeItem(own.returnKey);
if (back !== null && back.startsWith("/") && !back.startsWith("//")) go(back);

const root = document.getElementById("app");
if (root === null) throw new Error("index.html has no #app");
start(); // The connection is made while the page is drawn.
render(<Shell />, root);
startCalls();
startHour();
setTimeout(loadCharts, IDLE_MS);
