// The types that `require` gives.

import aks = require("aks-kms");

const manager: aks.KmsManager = new aks.KmsManager("id");
export const status: Promise<aks.KmsStatus> = manager.status();
