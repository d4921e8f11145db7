// The types that `require` gives.

import aks = require("aks-kms");

const manager: aks.KmsManager = new aks.KmsManager("id");
export const list: Promise<aks.ClusterList> = aks.listClusters(["s"], { resourceGraph: false });
export const status: Promise<aks.KmsStatus> = manager.status();
export const rotated: Promise<aks.FleetReport> = new aks.Fleet().rotate({ whenOlderThan: 1 });
