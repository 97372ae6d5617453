package hbr

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"backupportal/function/emulator/plainjson"
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/world"
)

// maxClientValues is the maximum number of values in a filter of DescribeBackupClients.
const maxClientValues = 100

// A clientsAnswer is the reply of DescribeBackupClients.
type clientsAnswer struct {
	rpc.Envelope
	PageNumber, PageSize, TotalCount int64
	Clients                          []clientView
}

// A clientView is one element of Clients.
type clientView struct {
	ClientId, ClientType, ClientVersion, MaxClientVersion string
	InstanceId, InstanceName, Hostname, OsType, ArchType  string
	PrivateIpV4, ZoneId, Status, BackupStatus             string
	CreatedTime, UpdatedTime, LastHeartBeatTime           int64
	Appliance                                             bool
	Tags                                                  []tag
	Settings                                              clientSettings

	cluster string // cl-…; only for the filter ClusterId, not in the reply
}

// clientSettings is the member Settings of a backup client. As in the vendor's metadata, its
// numbers and booleans are texts, except ProxyPort, MaxMemory and AlertOnPartialComplete. In
// the real API, ProxyPassword is a secret of the customer; emulated clients use no proxy.
type clientSettings struct {
	DataNetworkType  string // VPC: the endpoint of the data
	DataProxySetting string // USE_CONTROL_PROXY: the proxy of the control connection, if there is one
	UseHttps         string // "true" or "false"
	MaxCpuCore       string // "0": no limit
	MaxWorker        string // "0": no limit
	MaxMemory        int64  // bytes; 0: no limit

	ProxyHost, ProxyUser, ProxyPassword string
	ProxyPort                           int64 // 0: no proxy

	AlertOnPartialComplete bool
}

// A clientQuery holds the parsed parameters of DescribeBackupClients.
type clientQuery struct {
	kind, cluster      string
	instances, clients []string // ids to include; nil: all ids; empty: no id
	filters            []filter
	tags               []rpc.TagFilter
}

// clientKeys are the keys of Filters. The vendor's pages show only InstanceId.
var clientKeys = map[string]func(clientView) string{
	"InstanceId":   func(v clientView) string { return v.InstanceId },
	"InstanceName": func(v clientView) string { return v.InstanceName },
	"ClientId":     func(v clientView) string { return v.ClientId },
	"Status":       func(v clientView) string { return v.Status },
}

// DescribeBackupClients is the operation DescribeBackupClients of Cloud Backup: the backup
// clients in this region, of the caller's account or, with CrossAccountType, of another one.
func (s *Service) DescribeBackupClients(k *rpc.Call) (any, error) {
	q, err := parseClientQuery(k.Params)
	if err != nil {
		return nil, err
	}
	number, size, err := parsePage(k.Params)
	if err != nil {
		return nil, err
	}
	owner, err := s.sourceAccount(&order{params: k.Params, region: k.Region, caller: k.Caller.Account})
	if err != nil {
		return nil, err
	}
	views := []clientView{}
	for i := range owner.Clients {
		if v, inRegion := newClientView(k, owner, &owner.Clients[i]); inRegion && q.matches(v) {
			views = append(views, v)
		}
	}
	return clientsAnswer{
		Envelope: rpc.Success(k), PageNumber: number, PageSize: size, TotalCount: int64(len(views)),
		Clients: page(views, number, size),
	}, nil
}

// parseClientQuery reads the parameters and checks their form. An empty list of ids matches no
// client; if the list is absent, all clients match.
func parseClientQuery(p rpc.Params) (q clientQuery, err error) {
	if p["ClientType"] == "" {
		return q, rpc.Missing("ClientType")
	}
	if err := rpc.CheckOneOf(p, "ClientType", "ECS_CLIENT", "CONTAINER_CLIENT", "LOCAL_CLIENT"); err != nil {
		return q, err
	}
	q = clientQuery{kind: p["ClientType"], cluster: p["ClusterId"]}
	for name, to := range map[string]*[]string{"InstanceIds": &q.instances, "ClientIds": &q.clients} {
		if p[name] == "" {
			continue
		}
		list, ok := plainjson.Strings([]byte(p[name]))
		if !ok {
			return q, rpc.Invalid(name, "it is not a json array of texts")
		}
		*to = list
	}
	if q.filters, err = gatherFilters(p); err != nil {
		return q, err
	}
	for _, f := range q.filters {
		if clientKeys[f.key] == nil || f.operator != "" || len(f.values) == 0 || len(f.values) > maxClientValues {
			return q, rpc.Invalid("Filters", "%q is no key, has an Operator, no values, or more than %d", f.key, maxClientValues)
		}
	}
	q.tags, err = tagFilters(p)
	return q, err
}

// matches reports whether a client fulfils every condition of the query.
func (q clientQuery) matches(v clientView) bool {
	matchesParam := func(ids []string, id string) bool { return ids == nil || slices.Contains(ids, id) }
	return v.ClientType == q.kind && matchesParam(q.instances, v.InstanceId) && matchesParam(q.clients, v.ClientId) &&
		(q.cluster == "" || q.cluster == v.cluster) &&
		!slices.ContainsFunc(q.filters, func(f filter) bool { return !slices.Contains(f.values, clientKeys[f.key](v)) }) &&
		!slices.ContainsFunc(q.tags, func(f rpc.TagFilter) bool {
			return !slices.ContainsFunc(v.Tags, func(t tag) bool { return t.Key == f.Key && (f.Value == "" || f.Value == t.Value) })
		})
}

// newClientView returns the entry for a client in the answer of DescribeClients. inRegion is false
// if the client's instance or cluster is not in the region of the call; the entry is then
// incomplete, and the caller must leave it out.
func newClientView(k *rpc.Call, owner *world.Account, cl *world.BackupClient) (v clientView, inRegion bool) {
	v = clientView{
		ClientId: cl.ID, ClientVersion: cl.Version, MaxClientVersion: cl.Version, ArchType: "AMD64", Status: cl.Status,
		BackupStatus: "UNPROTECTED", CreatedTime: worldCreated.Unix(), UpdatedTime: worldCreated.Unix(),
		LastHeartBeatTime: k.At.Add(-cl.HeartbeatAge).Unix(), Tags: []tag{},
		Settings: clientSettings{
			DataNetworkType: "VPC", DataProxySetting: "USE_CONTROL_PROXY", UseHttps: "true", MaxCpuCore: "0", MaxWorker: "0",
		},
	}
	// PROTECTED means that a backup plan exists. The emulator has no plans, so it reports
	// PROTECTED for every ACTIVATED client.
	if cl.Status == "ACTIVATED" {
		v.BackupStatus = "PROTECTED"
	}
	if cluster := owner.Cluster(cl.Cluster, k.Region); cluster != nil {
		v.ClientType, v.cluster, v.InstanceName, v.OsType = "CONTAINER_CLIENT", cluster.GroupID, cluster.Name, "linux"
		return v, true
	}
	i := owner.Instance(cl.Instance, k.Region)
	if i == nil {
		return v, false
	}
	v.ClientType, v.InstanceId, v.InstanceName, v.Hostname = "ECS_CLIENT", i.ID, i.Name, i.HostName
	v.OsType, v.ZoneId, v.Tags = i.OS, i.Zone, newTags(i.Tags).Tag
	if len(i.PrivateIPs) > 0 {
		v.PrivateIpV4 = i.PrivateIPs[0]
	}
	return v, true
}

// tagName matches a parameter of the flattened list of tags.
var tagName = regexp.MustCompile(`^Tag\.([0-9]+)\.(Key|Value)$`)

// maxTags is the maximum number of tags in the vendor's API metadata. The vendor's
// documentation pages say 20.
const maxTags = 21

// tagFilters reads Tag.N.Key and Tag.N.Value. A resource must match all of them.
func tagFilters(p rpc.Params) ([]rpc.TagFilter, error) {
	byIndex := map[int]*rpc.TagFilter{}
	for name, v := range p {
		m := tagName.FindStringSubmatch(name)
		if m == nil {
			if strings.HasPrefix(name, "Tag") {
				return nil, rpc.Invalid(name, "tags are flattened as Tag.N.Key and Tag.N.Value")
			}
			continue
		}
		n, _ := strconv.Atoi(m[1])
		if byIndex[n] == nil {
			byIndex[n] = &rpc.TagFilter{}
		}
		if m[2] == "Key" {
			byIndex[n].Key = v
		} else {
			byIndex[n].Value = v
		}
	}
	if len(byIndex) > maxTags {
		return nil, rpc.Invalid("Tag", "at most %d tags are allowed", maxTags)
	}
	var tags []rpc.TagFilter
	for _, n := range slices.Sorted(maps.Keys(byIndex)) {
		if byIndex[n].Key == "" {
			return nil, rpc.Invalid("Tag", "tag %d has no key", n)
		}
		tags = append(tags, *byIndex[n])
	}
	return tags, nil
}
