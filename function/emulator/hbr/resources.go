package hbr

import (
	"fmt"

	"backupportal/function/emulator/plainjson"
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/world"
)

// A resourcesAnswer is the reply of DescribeContainerResource.
type resourcesAnswer struct {
	rpc.Envelope
	PageNumber, PageSize, TotalCount int64
	Resources                        []resourceView
}

// A resourceView is one element of Resources. ResourceInfo is a text that contains a JSON object,
// as in ContainerResources of CreateBackupJob.
type resourceView struct {
	ClusterId, ClusterIdentifier, ResourceId, ResourceType, ResourceInfo string
}

// volumeInfo is the JSON object in ResourceInfo. Its members are the members of the sample on the
// vendor's page.
type volumeInfo struct {
	Name         string `json:"pv_name"`
	Size         string `json:"pv_size"`
	StorageClass string `json:"storage_class"`
	Claim        string `json:"pvc_name"`
	Namespace    string `json:"namespace"`
}

// DescribeContainerResource is the operation DescribeContainerResource of Cloud Backup: the
// persistent volumes of the caller's clusters in this region, in the order of the world. An absent
// filter matches all. ClusterId is a cc-…, as in the sample of the vendor's page. Errors:
// InvalidParameter.
func (s *Service) DescribeContainerResource(k *rpc.Call) (any, error) {
	p := k.Params
	number, size, err := parsePage(p)
	if err != nil {
		return nil, err
	}
	if err := rpc.CheckOneOf(p, "ResourceType", "PV"); err != nil {
		return nil, err
	}
	views := []resourceView{}
	for _, cluster := range k.Caller.Account.Clusters {
		if cluster.Region != k.Region || p["ClusterId"] != "" && p["ClusterId"] != cluster.ID {
			continue
		}
		for _, v := range cluster.Volumes {
			if p["ResourceId"] == "" || p["ResourceId"] == v.ID {
				views = append(views, newResourceView(cluster, v))
			}
		}
	}
	return resourcesAnswer{
		Envelope: rpc.Success(k), PageNumber: number, PageSize: size, TotalCount: int64(len(views)),
		Resources: page(views, number, size),
	}, nil
}

// newResourceView returns the JSON of one volume in a listing.
func newResourceView(cluster world.Cluster, v world.Volume) resourceView {
	info := plainjson.Encode(volumeInfo{
		Name: v.Name, Size: fmt.Sprintf("%dGi", v.GiB), StorageClass: v.StorageClass, Claim: v.Claim, Namespace: v.Namespace,
	})
	return resourceView{
		ClusterId: cluster.ID, ClusterIdentifier: cluster.Identifier, ResourceId: v.ID, ResourceType: "PV",
		ResourceInfo: string(info[:len(info)-1]), // without the newline
	}
}
