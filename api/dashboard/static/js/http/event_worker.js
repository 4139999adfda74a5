/** The shared worker of all windows of a browser. */

import { serve } from "./event_hub.js";

globalThis.onconnect = ({ ports: [port] }) => serve(port);
