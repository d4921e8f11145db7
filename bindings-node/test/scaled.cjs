// For processes that the tests start: their waits are as much shorter as the simulator's are. It is not in the package,
// and nothing but `--require` leads here.

const { join } = require("node:path");

require(join(process.cwd(), "node_modules/aks-kms/dist/native.js")).native.scaleTime(0.01);
