package emulator

import (
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"
)

// vaultsAnswer is the reply of DescribeVaults.
type vaultsAnswer struct {
	envelope
	PageNumber, PageSize, TotalCount int64
	Vaults                           struct{ Vault []vaultView }
}

// A vaultView is one Vaults.Vault of DescribeVaults.
type vaultView struct {
	VaultId, VaultName, VaultRegionId, VaultType, VaultStorageClass, VaultStatusMessage string
	Status, Description, ResourceGroupId, BucketName, ChargeType, EncryptType, KmsKeyId string
	RedundancyType, CompressionAlgorithm, IndexLevel                                    string
	ReplicationSourceVaultId, ReplicationSourceRegionId                                 string

	Retention, CreatedTime, UpdatedTime, StorageSize, BytesDone, SnapshotCount int64
	ChargedStorageSize, ArchiveStorageSize, VaultOwnerId                       int64

	Dedup, SearchEnabled, IndexAvailable, Replication, ReplicationSourceVault, WormEnabled bool

	Tags        hbrTags
	SourceTypes struct{ SourceType []string }
}

// hbrTags is how Cloud Backup nests tags.
type hbrTags struct{ Tag []hbrTag }

// A hbrTag has other names for its halves than ECS has.
type hbrTag struct{ Key, Value string }

// newHBRTags sorts by key, so that an answer is the same each time.
func newHBRTags(tags map[string]string) hbrTags {
	list := hbrTags{Tag: []hbrTag{}}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list.Tag = append(list.Tag, hbrTag{key, tags[key]})
	}
	return list
}

// describeVaults is HBR DescribeVaults: the vaults of the caller's account in
// this region, in the order of the world.
func (s *hbrService) describeVaults(k *call) (any, error) {
	number, size, err := parsePage(k.params)
	if err != nil {
		return nil, err
	}
	tags, err := checkVaultFilters(k.params)
	if err != nil {
		return nil, err
	}
	views := []vaultView{}
	for i := range k.caller.account.Vaults {
		v := &k.caller.account.Vaults[i]
		if v.Region == k.region && vaultFits(v, k, tags) {
			views = append(views, s.newVaultView(k, v))
		}
	}
	ans := vaultsAnswer{envelope: success(k), PageNumber: number, PageSize: size, TotalCount: int64(len(views))}
	ans.Vaults.Vault = page(views, number, size)
	return ans, nil
}

// checkVaultFilters has the limits of the page and the metadata. The gateway
// does not know the Status INITIALIZING, which the page names.
func checkVaultFilters(p params) ([]tagFilter, error) {
	if err := checkOneOf(p, "Status", "UNKNOWN", "CREATED", "ERROR"); err != nil {
		return nil, err
	}
	if err := checkOneOf(p, "VaultType", "STANDARD", "OTS_BACKUP"); err != nil {
		return nil, err
	}
	if err := checkOneOf(p, "Replication", "true", "false"); err != nil {
		return nil, err
	}
	if utf8.RuneCountInString(p["VaultName"]) > 64 {
		return nil, invalid("VaultName", "it is longer than 64 characters")
	}
	if _, ok := decimal(p["VaultOwnerId"]); !ok && p["VaultOwnerId"] != "" {
		return nil, invalid("VaultOwnerId", "%q is not a number", p["VaultOwnerId"])
	}
	return tagFilters(p)
}

// vaultFits reports whether a vault is what a call asks for. An absent parameter
// asks for nothing.
func vaultFits(v *Vault, k *call, tags []tagFilter) bool {
	for name, have := range map[string]string{
		"VaultId": v.ID, "VaultName": v.Name, "VaultRegionId": v.Region, "ResourceGroupId": v.ResourceGroup,
		"Status": v.Status, "VaultType": v.Type, "Replication": strconv.FormatBool(v.Replication), "VaultOwnerId": k.caller.account.ID,
	} {
		if want := k.params[name]; want != "" && want != have {
			return false
		}
	}
	return !slices.ContainsFunc(tags, func(f tagFilter) bool { return !f.fits(v.Tags) })
}

// newVaultView tells of a vault and of what jobs have put into it.
func (s *hbrService) newVaultView(k *call, v *Vault) vaultView {
	view := vaultView{
		VaultId: v.ID, VaultName: v.Name, VaultRegionId: v.Region, VaultType: v.Type, VaultStorageClass: "STANDARD",
		Status: v.Status, Description: v.Description, ResourceGroupId: v.ResourceGroup, ChargeType: "FREE",
		EncryptType: "HBR_PRIVATE", RedundancyType: "LRS", Retention: 30,
		CreatedTime: worldBegan.Unix(), UpdatedTime: worldBegan.Unix(), VaultOwnerId: accountNumber(k.caller.account.ID),
		Dedup: true, Replication: v.Replication, ReplicationSourceVaultId: v.ReplicationOf, Tags: newHBRTags(v.Tags),
	}
	view.SourceTypes.SourceType = []string{}
	if source := k.caller.account.vaultNamed(v.ReplicationOf); source != nil {
		view.ReplicationSourceRegionId = source.Region
	}
	view.ReplicationSourceVault = slices.ContainsFunc(k.caller.account.Vaults, func(m Vault) bool { return m.ReplicationOf == v.ID })
	for _, j := range slices.Backward(s.jobs.of(home{k.caller.account.ID, v.Region})) {
		st := j.schedule.at(k.at)
		if j.sourceType() == "UDM_ECS" || j.params["VaultId"] != v.ID || !recovers(st) {
			continue
		}
		view.SnapshotCount++
		view.BytesDone += st.done
		view.StorageSize += j.actual(st.done)
		view.UpdatedTime = max(view.UpdatedTime, st.ended.Unix())
		if !slices.Contains(view.SourceTypes.SourceType, j.sourceType()) {
			view.SourceTypes.SourceType = append(view.SourceTypes.SourceType, j.sourceType())
		}
	}
	// Nothing is archived, and all that is stored is charged for.
	view.ChargedStorageSize = view.StorageSize
	return view
}

// recovers reports whether a job has left something that can be restored.
func recovers(st state) bool { return st.status == "COMPLETE" || st.status == "PARTIAL_COMPLETE" }
