package aliyun

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"backupportal/function/backup"
	"backupportal/function/lenhash"
	"backupportal/function/param"
	"backupportal/function/pattern"
)

// The cache of lists.
const (
	listTTL  = time.Minute // how long a list is used
	maxLists = 512         // over all principals
)

// listKey returns the cache key of a list. It contains the principal, so that a list read for
// one principal is never shown to another.
func listKey(target backup.Target, q backup.CandidateQuery) string {
	sum := lenhash.Sum(
		target.Principal.ID(),
		target.Account.Alias,
		target.Region,
		string(q.Kind),
		q.InstanceID,
		q.ClusterID,
		strconv.FormatBool(q.Unfit),
		q.Search,
		q.Next,
	)
	return string(sum[:])
}

// List returns one page of items (candidates) from which a person selects in a form: instances,
// disks, vaults, backup clients, clusters or volumes. q.Kind says which; an unknown kind means
// instances. The result is cached for a minute and must not be changed. It implements
// [backup.Cloud]. Errors are [*backup.CloudError] values.
func (c *Client) List(ctx context.Context, target backup.Target, q backup.CandidateQuery) (backup.Candidates, error) {
	q.Search = strings.TrimSpace(q.Search)
	found, err := c.lists.Get(ctx, listKey(target, q), func(ctx context.Context) (backup.Candidates, time.Time, error) {
		found, failed := c.readCandidates(ctx, target, q)
		if failed != nil {
			return backup.Candidates{}, time.Time{}, failed
		}
		return found, c.cfg.Now().Add(listTTL), nil
	})
	if failed := cloudError(string(q.Kind), err); failed != nil {
		return backup.Candidates{}, failed
	}
	return found, nil
}

// readCandidates reads one page of candidates from the cloud.
func (c *Client) readCandidates(
	ctx context.Context,
	target backup.Target,
	q backup.CandidateQuery,
) (backup.Candidates, *backup.CloudError) {
	switch q.Kind {
	case backup.Vaults:
		return c.vaults(ctx, target, q)
	case backup.Disks:
		return c.disks(ctx, target, q)
	case backup.Clusters:
		return c.clusters(ctx, target, q)
	case backup.Volumes:
		return c.volumes(ctx, target, q)
	case backup.Clients:
		return c.clients(ctx, target, q)
	}
	return c.instances(ctx, target, q)
}

// instanceID is the pattern of a complete instance id. A search text of another form is looked
// up in the names of instances only.
const instanceID = `i-[0-9a-z]{4,62}`

// instances lists instances (ECS, DescribeInstances). A search text that looks like an id can
// also be a name, so it is looked up as both, with two simultaneous requests. The instance with
// that id comes first. If q.InstanceID is set, it makes one request, for that instance.
func (c *Client) instances(
	ctx context.Context,
	target backup.Target,
	q backup.CandidateQuery,
) (backup.Candidates, *backup.CloudError) {
	if q.InstanceID != "" {
		return c.instancePage(ctx, target, "", "InstanceIds", param.StringList([]string{q.InstanceID}), true)
	}
	name := strings.Trim(q.Search, "*")
	if name == "" || !pattern.Match(instanceID, name) || q.Next != "" {
		return c.instancePage(ctx, target, q.Next, "InstanceName", "*"+name+"*", name != "")
	}
	type answer struct {
		found  backup.Candidates
		failed *backup.CloudError
	}
	byID := make(chan answer, 1)
	go func() {
		found, failed := c.instancePage(ctx, target, "", "InstanceIds", param.StringList([]string{name}), true)
		byID <- answer{found, failed}
	}()
	found, failed := c.instancePage(ctx, target, "", "InstanceName", "*"+name+"*", true)
	other := <-byID
	if failed == nil {
		failed = other.failed
	}
	for _, t := range other.found.Items {
		if !slices.ContainsFunc(found.Items, func(known backup.Candidate) bool { return known.ID == t.ID }) {
			found.Items = append([]backup.Candidate{t}, found.Items...)
		}
	}
	return found, failed
}

// instancePage reads one page of instances. If filtered is true, it adds one filter of the API.
// next is the token of the page; empty means the first page.
func (c *Client) instancePage(
	ctx context.Context,
	target backup.Target,
	next, filter, value string,
	filtered bool,
) (backup.Candidates, *backup.CloudError) {
	params := []param.Parameter{{Name: "RegionId", Value: target.Region}, {Name: "MaxResults", Value: "100"}}
	if filtered {
		params = append(params, param.Parameter{Name: filter, Value: value})
	}
	if next != "" {
		params = append(params, param.Parameter{Name: "NextToken", Value: next})
	}
	var page instancesPage
	if failed := c.readList(ctx, operation{
		api:    ecs,
		action: describeInstances,
		target: target,
		params: params,
	}, &page); failed != nil {
		return backup.Candidates{}, failed
	}
	candidates := backup.Candidates{Next: page.NextToken}
	for _, i := range page.Instances.Instance {
		candidates.Items = append(candidates.Items, i.candidate())
	}
	return candidates, nil
}

// instancesPage is one page of an answer of ECS, DescribeInstances.
type instancesPage struct {
	NextToken string
	Instances struct{ Instance []ecsInstance }
}

// ecsInstance is one instance of an answer of ECS, DescribeInstances.
type ecsInstance struct {
	InstanceId, InstanceName, Status, ZoneId, OSType, OSName, OSNameEn string
	VpcAttributes                                                      struct{ PrivateIpAddress addresses }
	PublicIpAddress, InnerIpAddress                                    addresses
	EipAddress                                                         struct{ IpAddress string }
	Tags                                                               struct {
		Tag []struct{ TagKey, TagValue string }
	}
}

// candidate returns i as a candidate, with clean texts.
func (i ecsInstance) candidate() backup.Candidate {
	addresses := slices.Concat(i.VpcAttributes.PrivateIpAddress.IpAddress, i.InnerIpAddress.IpAddress,
		i.PublicIpAddress.IpAddress, []string{i.EipAddress.IpAddress})
	t := candidate(i.InstanceId, i.InstanceName, "Status", i.Status, "ZoneId", i.ZoneId, "OSType", i.OSType,
		"OSName", cmp.Or(i.OSNameEn, i.OSName), "IpAddress", strings.TrimSpace(strings.Join(addresses, " ")))
	for _, tag := range i.Tags.Tag {
		if t.Tags == nil {
			t.Tags = map[string]string{}
		}
		t.Tags[param.Clean(tag.TagKey, longestWord)] = param.Clean(tag.TagValue, longestWord)
	}
	return t
}

// addresses is how responses of ECS contain IP addresses.
type addresses struct{ IpAddress []string }

// disks lists the disks of one instance (ECS, DescribeDisks). It reads one page of 100 disks,
// because an instance cannot have more.
func (c *Client) disks(
	ctx context.Context,
	target backup.Target,
	q backup.CandidateQuery,
) (backup.Candidates, *backup.CloudError) {
	var page struct {
		Disks struct {
			Disk []struct {
				DiskId, DiskName, Category, PerformanceLevel, Type, Device, Status, MultiAttach string
				Size                                                                            int64
				Encrypted                                                                       bool
			}
		}
	}
	if failed := c.readList(ctx, operation{api: ecs, action: describeDisks, target: target, params: []param.Parameter{
		{Name: "RegionId", Value: target.Region},
		{Name: "InstanceId", Value: q.InstanceID},
		{Name: "MaxResults", Value: "100"},
	}}, &page); failed != nil {
		return backup.Candidates{}, failed
	}
	var candidates backup.Candidates
	for _, d := range page.Disks.Disk {
		candidates.Items = append(candidates.Items, candidate(d.DiskId, d.DiskName,
			"Type", d.Type,
			"Category", d.Category,
			"PerformanceLevel", d.PerformanceLevel,
			"Size", strconv.FormatInt(d.Size, 10)+" GiB",
			"Device", d.Device,
			"Status", d.Status,
			"Encrypted", strconv.FormatBool(d.Encrypted),
			"MultiAttach", d.MultiAttach,
		))
	}
	return candidates, nil
}

// vaults lists the vaults that accept backups (Cloud Backup, DescribeVaults). These are ready,
// in the target's region, and not mirrors of other vaults. If q.Unfit is true, it lists all
// vaults of the region.
func (c *Client) vaults(
	ctx context.Context,
	target backup.Target,
	q backup.CandidateQuery,
) (backup.Candidates, *backup.CloudError) {
	return c.pagedList(ctx, operation{
		api:    cloudBackup,
		action: describeVaults,
		target: target,
	}, q, func(body []byte) (candidates []backup.Candidate, n int, err error) {
		var page struct {
			Vaults struct {
				Vault []struct {
					VaultId, VaultName, VaultRegionId, VaultType, Status, EncryptType string
					Replication                                                       bool
					StorageSize                                                       lenientInt
				}
			}
		}
		err = json.Unmarshal(body, &page)
		for _, v := range page.Vaults.Vault {
			switch {
			case v.VaultRegionId != "" && v.VaultRegionId != target.Region:
			case q.Unfit:
				candidates = append(candidates, candidate(v.VaultId, v.VaultName,
					"VaultType", v.VaultType,
					"Status", v.Status,
					"Replication", strconv.FormatBool(v.Replication),
				))
			case v.Status == "CREATED" && !v.Replication:
				candidates = append(candidates, candidate(v.VaultId, v.VaultName,
					"VaultType", v.VaultType,
					"EncryptType", v.EncryptType,
					"StorageSize", strconv.FormatInt(int64(v.StorageSize), 10),
				))
			}
		}
		return candidates, len(page.Vaults.Vault), err
	})
}

// clients lists the backup clients on one instance (Cloud Backup, DescribeBackupClients). The
// response also has the client's settings, which can contain a password: they are not decoded.
func (c *Client) clients(
	ctx context.Context,
	target backup.Target,
	q backup.CandidateQuery,
) (backup.Candidates, *backup.CloudError) {
	op := operation{action: describeBackupClients, target: target, params: []param.Parameter{
		{Name: "ClientType", Value: "ECS_CLIENT"},
		{Name: "InstanceIds", Value: param.StringList([]string{q.InstanceID})},
	}}
	return c.pagedList(ctx, op, q, func(body []byte) (candidates []backup.Candidate, n int, err error) {
		var page struct {
			Clients []struct {
				InstanceId, InstanceName, Status string
				LastHeartBeatTime                int64
			}
		}
		err = json.Unmarshal(body, &page)
		for _, cl := range page.Clients {
			if cl.InstanceId == q.InstanceID {
				candidates = append(candidates, candidate(cl.InstanceId, cl.InstanceName,
					"Status", cl.Status,
					"LastHeartBeatTime", strconv.FormatInt(cl.LastHeartBeatTime, 10),
				))
			}
		}
		return candidates, len(page.Clients), err
	})
}

// clusters lists the clusters that are registered in Cloud Backup (DescribeContainerCluster).
// It uses the ids that start with "cc-", because CreateBackupJob takes only those; the API page
// shows ids of two forms. The response also has a token of the cluster, which is a secret: it
// is not decoded.
func (c *Client) clusters(
	ctx context.Context,
	target backup.Target,
	q backup.CandidateQuery,
) (backup.Candidates, *backup.CloudError) {
	op := operation{api: cloudBackup, action: describeContainerCluster, target: target}
	if q.ClusterID != "" {
		op.params = []param.Parameter{{Name: "ClusterId", Value: q.ClusterID}}
	}
	return c.pagedList(ctx, op, q, func(body []byte) (candidates []backup.Candidate, n int, err error) {
		var page struct {
			Clusters []struct{ ClusterId, Name, ClusterType, AgentStatus string }
		}
		err = json.Unmarshal(body, &page)
		for _, cl := range page.Clusters {
			if strings.HasPrefix(cl.ClusterId, "cc-") {
				candidates = append(candidates, candidate(
					cl.ClusterId,
					cl.Name,
					"ClusterType", cl.ClusterType,
					"AgentStatus", cl.AgentStatus,
				))
			}
		}
		return candidates, len(page.Clusters), err
	})
}

// pagedList reads a list of Cloud Backup that has numbered pages. read parses one page and
// returns its candidates and the number of all its items, also of unsuitable ones. The API
// finds complete names only, so for a search pagedList reads pages until enough candidates
// match q.Search. Without a search it reads one page.
func (c *Client) pagedList(
	ctx context.Context,
	op operation,
	q backup.CandidateQuery,
	read func([]byte) ([]backup.Candidate, int, error),
) (backup.Candidates, *backup.CloudError) {
	number, err := strconv.Atoi(q.Next)
	if err != nil || number < 1 || number > maxPages {
		number = 1
	}
	var candidates backup.Candidates
	for ; ; number++ {
		paged := op
		paged.params = append(slices.Clone(op.params),
			param.Parameter{Name: "PageNumber", Value: strconv.Itoa(number)},
			param.Parameter{Name: "PageSize", Value: strconv.Itoa(pageSize)})
		a, said, failed := c.perform(ctx, paged)
		if failed != nil {
			return backup.Candidates{}, failed
		}
		page, n, err := read(a.body)
		if err != nil {
			return backup.Candidates{}, unknownResult(op.action, a.status, said, "the list could not be read")
		}
		for _, t := range page {
			if matchesSearch(t, q.Search) {
				candidates.Items = append(candidates.Items, t)
			}
		}
		switch more := n == pageSize && number < maxPages; {
		case !more:
			return candidates, nil
		case q.Search == "" || len(candidates.Items) >= pageSize:
			candidates.Next = strconv.Itoa(number + 1)
			return candidates, nil
		}
	}
}

// matchesSearch reports whether a text is part of the candidate's name or id, or of the name of
// a volume in its cluster. It ignores case in names.
func matchesSearch(t backup.Candidate, text string) bool {
	contains := func(name string) bool { return strings.Contains(strings.ToLower(name), strings.ToLower(text)) }
	return contains(t.Name) || strings.Contains(t.ID, text) ||
		slices.ContainsFunc(t.Attributes, func(a backup.Attribute) bool { return a.Name == "pv_name" && contains(a.Value) })
}

// readList makes one call and decodes the response into page. It refuses an ECS operation for
// an account with the access hbr_cross_account, because the portal has no role there.
func (c *Client) readList(ctx context.Context, op operation, page any) *backup.CloudError {
	if op.target.Account.Access == backup.HBRCrossAccount && op.api.product == ecs.product {
		return op.refused(badTarget, "the portal has no role in this account")
	}
	a, r, failed := c.perform(ctx, op)
	if failed == nil && json.Unmarshal(a.body, page) != nil {
		failed = unknownResult(op.action, a.status, r, "the list could not be read")
	}
	return failed
}

// candidate returns a Candidate with this id and name. pairs has attributes: each name of the
// API is followed by its value; empty values are left out. All texts are cleaned, because they
// come from another system.
func candidate(id, name string, pairs ...string) backup.Candidate {
	t := backup.Candidate{ID: param.Clean(id, longestWord), Name: param.Clean(name, 200)}
	for i := 0; i+1 < len(pairs); i += 2 {
		if value := param.Clean(pairs[i+1], longestWord); value != "" {
			t.Attributes = append(t.Attributes, backup.Attribute{Name: pairs[i], Value: value})
		}
	}
	return t
}
