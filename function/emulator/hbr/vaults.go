package hbr

import (
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"

	"backupportal/function/emulator/lifecycle"
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/world"
)

// A vaultsAnswer is the reply of DescribeVaults.
type vaultsAnswer struct {
	rpc.Envelope
	PageNumber, PageSize, TotalCount int64
	Vaults                           struct{ Vault []vaultView }
}

// A vaultView is one element of Vaults.Vault. Times are UNIX seconds, sizes are bytes, Retention
// is days.
type vaultView struct {
	VaultId, VaultName, VaultRegionId, VaultType, VaultStorageClass, VaultStatusMessage string
	Status, Description, ResourceGroupId, BucketName, ChargeType, EncryptType, KmsKeyId string
	RedundancyType, CompressionAlgorithm, IndexLevel                                    string
	ReplicationSourceVaultId, ReplicationSourceRegionId                                 string

	Retention, CreatedTime, UpdatedTime, StorageSize, BytesDone, SnapshotCount int64
	ChargedStorageSize, ArchiveStorageSize, VaultOwnerId                       int64

	Dedup, SearchEnabled, IndexAvailable, Replication, ReplicationSourceVault, WormEnabled bool

	Tags        tagList
	SourceTypes struct{ SourceType []string }
}

// A tagList is the form of tags in replies of Cloud Backup.
type tagList struct{ Tag []tag }

// A tag has other member names than in ECS.
type tag struct{ Key, Value string }

// newTags returns tags sorted by key, so that equal calls have equal replies.
func newTags(tags map[string]string) tagList {
	list := tagList{Tag: []tag{}}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list.Tag = append(list.Tag, tag{key, tags[key]})
	}
	return list
}

// DescribeVaults is the operation DescribeVaults of Cloud Backup: the vaults of the caller's
// account in this region, in the order of the world.
func (s *Service) DescribeVaults(k *rpc.Call) (any, error) {
	number, size, err := parsePage(k.Params)
	if err != nil {
		return nil, err
	}
	tags, err := checkVaultFilters(k.Params)
	if err != nil {
		return nil, err
	}
	views := []vaultView{}
	for i := range k.Caller.Account.Vaults {
		v := &k.Caller.Account.Vaults[i]
		if v.Region == k.Region && vaultMatches(v, k, tags) {
			views = append(views, s.newVaultView(k, v))
		}
	}
	ans := vaultsAnswer{Envelope: rpc.Success(k), PageNumber: number, PageSize: size, TotalCount: int64(len(views))}
	ans.Vaults.Vault = page(views, number, size)
	return ans, nil
}

// checkVaultFilters checks the parameters by the page and the metadata, and returns the tags. The
// metadata does not allow the Status INITIALIZING, although the page names it.
func checkVaultFilters(p rpc.Params) ([]rpc.TagFilter, error) {
	if err := rpc.CheckOneOf(p, "Status", "UNKNOWN", "CREATED", "ERROR"); err != nil {
		return nil, err
	}
	if err := rpc.CheckOneOf(p, "VaultType", "STANDARD", "OTS_BACKUP"); err != nil {
		return nil, err
	}
	if err := rpc.CheckOneOf(p, "Replication", "true", "false"); err != nil {
		return nil, err
	}
	if utf8.RuneCountInString(p["VaultName"]) > 64 {
		return nil, rpc.Invalid("VaultName", "it is longer than 64 characters")
	}
	if _, ok := rpc.Decimal(p["VaultOwnerId"]); !ok && p["VaultOwnerId"] != "" {
		return nil, rpc.Invalid("VaultOwnerId", "%q is not a number", p["VaultOwnerId"])
	}
	return tagFilters(p)
}

// vaultMatches reports whether a vault matches the parameters and tags of a call. An absent
// parameter matches every vault.
func vaultMatches(v *world.Vault, k *rpc.Call, tags []rpc.TagFilter) bool {
	for name, have := range map[string]string{
		"VaultId": v.ID, "VaultName": v.Name, "VaultRegionId": v.Region, "ResourceGroupId": v.ResourceGroup,
		"Status": v.Status, "VaultType": v.Type, "Replication": strconv.FormatBool(v.Replication), "VaultOwnerId": k.Caller.Account.ID,
	} {
		if want := k.Params[name]; want != "" && want != have {
			return false
		}
	}
	return !slices.ContainsFunc(tags, func(f rpc.TagFilter) bool { return !f.Fits(v.Tags) })
}

// newVaultView returns the row of a vault, including the data that jobs have stored in it.
func (s *Service) newVaultView(k *rpc.Call, v *world.Vault) vaultView {
	view := vaultView{
		VaultId: v.ID, VaultName: v.Name, VaultRegionId: v.Region, VaultType: v.Type, VaultStorageClass: "STANDARD",
		Status: v.Status, Description: v.Description, ResourceGroupId: v.ResourceGroup, ChargeType: "FREE",
		EncryptType: "HBR_PRIVATE", RedundancyType: "LRS", Retention: 30,
		CreatedTime: worldCreated.Unix(), UpdatedTime: worldCreated.Unix(), VaultOwnerId: accountNumber(k.Caller.Account.ID),
		Dedup: true, Replication: v.Replication, ReplicationSourceVaultId: v.ReplicationOf, Tags: newTags(v.Tags),
	}
	view.SourceTypes.SourceType = []string{}
	if source := k.Caller.Account.VaultNamed(v.ReplicationOf); source != nil {
		view.ReplicationSourceRegionId = source.Region
	}
	view.ReplicationSourceVault = slices.ContainsFunc(k.Caller.Account.Vaults, func(m world.Vault) bool {
		return m.ReplicationOf == v.ID
	})
	for _, j := range slices.Backward(s.jobs.inScope(scope{k.Caller.Account.ID, v.Region})) {
		st := j.Schedule.At(k.At)
		if j.SourceType() == "UDM_ECS" || j.Params["VaultId"] != v.ID || !hasRecoveryPoint(st) {
			continue
		}
		view.SnapshotCount++
		view.BytesDone += st.Done
		view.StorageSize += j.storedBytes(st.Done)
		view.UpdatedTime = max(view.UpdatedTime, st.Ended.Unix())
		if !slices.Contains(view.SourceTypes.SourceType, j.SourceType()) {
			view.SourceTypes.SourceType = append(view.SourceTypes.SourceType, j.SourceType())
		}
	}
	// Nothing is archived, so everything is charged.
	view.ChargedStorageSize = view.StorageSize
	return view
}

// hasRecoveryPoint reports whether a job in this state has left data that can be restored.
func hasRecoveryPoint(st lifecycle.State) bool {
	return st.Status == "COMPLETE" || st.Status == "PARTIAL_COMPLETE"
}
