// Makes a manager and does nothing with it.

import { manager } from "../world.mjs";

manager(JSON.parse(process.env.OF));
