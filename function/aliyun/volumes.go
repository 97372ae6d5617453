package aliyun

import (
	"context"
	"encoding/json"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// volumes lists the persistent volumes of one cluster (Cloud Backup,
// DescribeContainerResource). The name of a candidate is "namespace/claim", as users of the
// cluster write it, or the volume's own name if no claim uses it. These values come from
// ResourceInfo; if it cannot be read, the candidate has only its id.
func (c *Client) volumes(
	ctx context.Context,
	target backup.Target,
	q backup.CandidateQuery,
) (backup.Candidates, *backup.CloudError) {
	op := operation{action: describeContainerResource, target: target, params: []param.Parameter{
		{Name: "ClusterId", Value: q.ClusterID},
		{Name: "ResourceType", Value: "PV"},
	}}
	return c.pagedList(ctx, op, q, func(body []byte) (candidates []backup.Candidate, n int, err error) {
		var page struct {
			Resources []struct{ ClusterId, ResourceId, ResourceType, ResourceInfo string }
		}
		err = json.Unmarshal(body, &page)
		for _, r := range page.Resources {
			if r.ResourceType == "PV" && r.ClusterId == q.ClusterID {
				candidates = append(candidates, volume(r.ResourceId, r.ResourceType, r.ResourceInfo))
			}
		}
		return candidates, len(page.Resources), err
	})
}

// volume returns one persistent volume as an item of a list for a form. text is its
// ResourceInfo, a JSON object.
func volume(id, kind, text string) backup.Candidate {
	var info struct {
		Name         string `json:"pv_name"`
		Size         string `json:"pv_size"`
		StorageClass string `json:"storage_class"`
		Claim        string `json:"pvc_name"`
		Namespace    string `json:"namespace"`
	}
	_ = json.Unmarshal([]byte(text), &info) // an unreadable text leaves the values empty
	name := info.Name
	if info.Claim != "" {
		name = info.Namespace + "/" + info.Claim
	}
	return candidate(id, name,
		"ResourceType", kind,
		"namespace", info.Namespace,
		"pvc_name", info.Claim,
		"pv_name", info.Name,
		"pv_size", info.Size,
		"storage_class", info.StorageClass,
	)
}
