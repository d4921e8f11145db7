"""Every command of AKS's documentation on KMS etcd encryption, in its order and wording.

https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption

What differs, and why:
- `az keyvault create` makes a vault with Azure RBAC since az 2.61; the page, from before that, means
  one with access policies where it says nothing: hence `--enable-rbac-authorization false`.
- `az aks upgrade` asks whether one is sure, and refuses to without a terminal: hence `--yes`. The
  page's example, 1.27.1, is not offered any more.
"""

# Create a key vault and key
CREATE_VAULT = "az keyvault create --name MyKeyVault --resource-group MyResourceGroup --enable-rbac-authorization false"
CREATE_VAULT_RBAC = "export KEYVAULT_RESOURCE_ID=$(az keyvault create --name MyKeyVault --resource-group MyResourceGroup  --enable-rbac-authorization true --query id -o tsv)"
ASSIGN_YOURSELF = 'az role assignment create --role "Key Vault Crypto Officer" --assignee-object-id $(az ad signed-in-user show --query id --out tsv) --assignee-principal-type "User" --scope $KEYVAULT_RESOURCE_ID'
CREATE_KEY = "az keyvault key create --name MyKeyName --vault-name MyKeyVault"
EXPORT_KEY_ID = """export KEY_ID=$(az keyvault key show --name MyKeyName --vault-name MyKeyVault --query 'key.kid' -o tsv)
echo $KEY_ID"""

# Create a user-assigned managed identity
CREATE_IDENTITY = "az identity create --name MyIdentity --resource-group MyResourceGroup"
IDENTITY_OBJECT_ID = """IDENTITY_OBJECT_ID=$(az identity show --name MyIdentity --resource-group MyResourceGroup --query 'principalId' -o tsv)
echo $IDENTITY_OBJECT_ID"""
IDENTITY_RESOURCE_ID = """IDENTITY_RESOURCE_ID=$(az identity show --name MyIdentity --resource-group MyResourceGroup --query 'id' -o tsv)
echo $IDENTITY_RESOURCE_ID"""
IDENTITY = [CREATE_IDENTITY, IDENTITY_OBJECT_ID, IDENTITY_RESOURCE_ID]

# Assign permissions (decrypt and encrypt) to access key vault
SET_POLICY = "az keyvault set-policy -n MyKeyVault --key-permissions decrypt encrypt --object-id $IDENTITY_OBJECT_ID"
ASSIGN_CRYPTO_USER = 'az role assignment create --role "Key Vault Crypto User" --assignee-object-id $IDENTITY_OBJECT_ID --assignee-principal-type "ServicePrincipal" --scope $KEYVAULT_RESOURCE_ID'

# Create, update, rotate with a public key vault
CREATE_CLUSTER = 'az aks create --name myAKSCluster --resource-group MyResourceGroup --assign-identity $IDENTITY_RESOURCE_ID --enable-azure-keyvault-kms --azure-keyvault-kms-key-vault-network-access "Public" --azure-keyvault-kms-key-id $KEY_ID'
ENABLE = 'az aks update --name myAKSCluster --resource-group MyResourceGroup --enable-azure-keyvault-kms --azure-keyvault-kms-key-vault-network-access "Public" --azure-keyvault-kms-key-id $KEY_ID'
UPDATE_SECRETS = "kubectl get secrets --all-namespaces -o json | kubectl replace -f -"
ROTATE = 'az aks update --name myAKSCluster --resource-group MyResourceGroup  --enable-azure-keyvault-kms --azure-keyvault-kms-key-vault-network-access "Public" --azure-keyvault-kms-key-id $NEW_KEY_ID'

# The same with a private key vault
CREATE_PRIVATE_VAULT = "az keyvault create --name MyKeyVault --resource-group MyResourceGroup --public-network-access Disabled"
ASSIGN_CONTRIBUTOR = 'az role assignment create --role "Key Vault Contributor" --assignee-object-id $IDENTITY_OBJECT_ID --assignee-principal-type "ServicePrincipal" --scope $KEYVAULT_RESOURCE_ID'
CREATE_CLUSTER_PRIVATE = 'az aks create --name myAKSCluster --resource-group MyResourceGroup --assign-identity $IDENTITY_RESOURCE_ID --enable-azure-keyvault-kms --azure-keyvault-kms-key-id $KEY_ID --azure-keyvault-kms-key-vault-network-access "Private" --azure-keyvault-kms-key-vault-resource-id $KEYVAULT_RESOURCE_ID'
ENABLE_PRIVATE = 'az aks update --name myAKSCluster --resource-group MyResourceGroup --enable-azure-keyvault-kms --azure-keyvault-kms-key-id $KEY_ID --azure-keyvault-kms-key-vault-network-access "Private" --azure-keyvault-kms-key-vault-resource-id $KEYVAULT_RESOURCE_ID'
ROTATE_PRIVATE = 'az aks update --name myAKSCluster --resource-group MyResourceGroup  --enable-azure-keyvault-kms --azure-keyvault-kms-key-id $NewKEY_ID --azure-keyvault-kms-key-vault-network-access "Private" --azure-keyvault-kms-key-vault-resource-id $KEYVAULT_RESOURCE_ID'

# From Kubernetes 1.31 on, clusters that use a private key vault must have this.
VNET_INTEGRATION = " --enable-apiserver-vnet-integration"

# Update key vault mode
DISABLE = "az aks update --name myAKSCluster --resource-group MyResourceGroup --disable-azure-keyvault-kms"
CLOSE_VAULT = "az keyvault update --name MyKeyVault --resource-group MyResourceGroup --public-network-access Disabled"
# The page has the way there, and says of the way back that it is the same.
OPEN_VAULT = "az keyvault update --name MyKeyVault --resource-group MyResourceGroup --public-network-access Enabled"

# Disable KMS
LIST = 'az aks list --query "[].{Name:name, KmsEnabled:securityProfile.azureKeyVaultKms.enabled, KeyId:securityProfile.azureKeyVaultKms.keyId}" -o table'

# Not on the page: what one cluster has.
SHOW = "az aks show --name myAKSCluster --resource-group MyResourceGroup --query securityProfile"

# Migration to KMS v2
UPGRADE = "az aks upgrade --resource-group myResourceGroup --name myAKSCluster --kubernetes-version 1.27.3 --yes"

# Not on the page: how the documentation of this project names a cluster.
CLUSTER_ID = "export CLUSTER_ID=$(az aks show --name myAKSCluster --resource-group MyResourceGroup --query id --output tsv)"

# Not on the page: what a failed creation leaves behind.
DELETE_CLUSTER = "az aks delete --name myAKSCluster --resource-group MyResourceGroup --yes"
