package web

import (
	"errors"
	"net/http"
	"slices"
	"unicode/utf8"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// Candidates is one page of resources that a person can choose. Programs and the form's script read
// it.
type Candidates struct {
	Items []Candidate `json:"Items"`
	Next  string      `json:"Next,omitempty"` // token of the next page; empty on the last page
}

// A Candidate is one resource that a submission can name.
type Candidate struct {
	ID         string            `json:"Id"`
	Name       string            `json:"Name,omitempty"`
	Attributes map[string]string `json:"Attributes,omitempty"` // attributes, by the cloud's names
	Tags       map[string]string `json:"Tags,omitempty"`
}

// candidateParameters returns the query parameters of a list. All but Search and Next are required,
// except SourceType.
func candidateParameters(kind backup.CandidateKind) []string {
	switch kind {
	case backup.Disks:
		return []string{"Region", "SourceType", "InstanceId"}
	case backup.Volumes:
		return []string{"Region", "SourceType", "ClusterId", "Search", "Next"}
	}
	return []string{"Region", "SourceType", "Search", "Next"}
}

// Limits of the parameters of a list, in characters.
const (
	longestSearch = 256
	longestNext   = 1024
)

// A candidateList describes the list of one kind of candidates (resources that a person can
// select). Its route, its entry in the OpenAPI document and its row in the API reference are
// made from it.
type candidateList struct {
	kind         backup.CandidateKind // also the last part of the path
	title, about param.Text           // the content of the list; about has no full stop
}

// candidateLists are the lists of candidates, in the order of the API reference.
var candidateLists = []candidateList{
	{
		backup.Instances,
		param.Text{En: "Instances to back up", Zh: "可备份的实例"},
		param.Text{En: "Instances that a rule allows you to back up", Zh: "规则允许您备份的实例"},
	},
	{
		backup.Disks,
		param.Text{En: "Disks of an instance", Zh: "实例的云盘"},
		param.Text{En: "For `Detail.diskIdList`; requires `InstanceId`", Zh: "用于 `Detail.diskIdList`；须提供 `InstanceId`"},
	},
	{
		backup.Vaults,
		param.Text{En: "Backup vaults", Zh: "备份库"},
		param.Text{En: "Writable vaults that a rule allows you to use", Zh: "规则允许您使用且可写入的备份库"},
	},
	{
		backup.Clusters,
		param.Text{En: "Container clusters", Zh: "容器集群"},
		param.Text{En: "Clusters registered in Cloud Backup that a rule allows you to back up", Zh: "已在云备份中登记、且规则允许您备份的集群"},
	},
	{
		backup.Volumes,
		param.Text{En: "Volumes of a cluster", Zh: "集群的存储卷"},
		param.Text{
			En: "For `ContainerResources`: Id is resourceId, and Attributes has the values of resourceInfo; requires `ClusterId`",
			Zh: "用于 `ContainerResources`：Id 即 resourceId，Attributes 含 resourceInfo 的各值；须提供 `ClusterId`",
		},
	},
}

// listCandidates returns the handler that answers with a page of one kind of candidates.
func (s *Server) listCandidates(kind backup.CandidateKind) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		query, err := strictQuery(r, candidateParameters(kind)...)
		if err != nil {
			return err
		}
		var bad param.InvalidError
		if query["Region"] == "" {
			bad = append(bad, param.Mistake{Field: "Region", Code: "required", Text: msgListRegion})
		}
		if kind == backup.Disks && query["InstanceId"] == "" {
			bad = append(bad, param.Mistake{Field: "InstanceId", Code: "required", Text: msgListInstance})
		}
		if kind == backup.Volumes && query["ClusterId"] == "" {
			bad = append(bad, param.Mistake{Field: "ClusterId", Code: "required", Text: msgListCluster})
		}
		for name, most := range map[string]int{"Search": longestSearch, "Next": longestNext} {
			if utf8.RuneCountInString(query[name]) > most {
				bad = append(bad, param.Mistake{Field: name, Code: "long", Text: msgListLong, Args: []any{name}})
			}
		}
		if bad != nil {
			return &queryError{bad}
		}
		found, err := s.Backups.Candidates(r.Context(), principal(r),
			param.Params{"Account": r.PathValue("alias"), "Region": query["Region"], "SourceType": query["SourceType"]},
			backup.CandidateQuery{
				Kind:       kind,
				InstanceID: query["InstanceId"],
				ClusterID:  query["ClusterId"],
				Search:     query["Search"],
				Next:       query["Next"],
			})
		if err != nil {
			return aboutResource(renameField(err, "ContainerClusterId", "ClusterId"))
		}
		answer := Candidates{Items: []Candidate{}, Next: found.Next}
		for _, t := range found.Items {
			one := Candidate{ID: t.ID, Name: t.Name, Tags: t.Tags}
			for _, f := range t.Attributes {
				if one.Attributes == nil {
					one.Attributes = map[string]string{}
				}
				one.Attributes[f.Name] = f.Value
			}
			answer.Items = append(answer.Items, one)
		}
		return writeJSON(w, r, http.StatusOK, answer)
	}
}

// renameField returns err with another name of the field in its mistakes. It is for the list of
// volumes, whose parameter has the name that the cloud's own list uses.
func renameField(err error, from, to string) error {
	invalid, ok := errors.AsType[param.InvalidError](err)
	if !ok {
		return err
	}
	renamed := slices.Clone(invalid)
	for i := range renamed {
		if renamed[i].Field == from {
			renamed[i].Field = to
		}
	}
	return renamed
}

var (
	msgListRegion   = param.Text{En: "Region is required: lists are per region", Zh: "缺少 Region：列表按地域提供"}
	msgListInstance = param.Text{En: "InstanceId is required: disks are listed per instance", Zh: "缺少 InstanceId：云盘按实例提供"}
	msgListCluster  = param.Text{En: "ClusterId is required: volumes are listed per cluster", Zh: "缺少 ClusterId：存储卷按集群提供"}
	msgListLong     = param.Text{En: "%v is too long", Zh: "%v 过长"}
)
