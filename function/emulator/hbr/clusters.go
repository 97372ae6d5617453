package hbr

import (
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/world"
)

// clustersAnswer is the reply of DescribeContainerCluster, whose list is flat.
type clustersAnswer struct {
	rpc.Envelope
	PageNumber, PageSize, TotalCount int64
	Clusters                         []clusterView
}

// A clusterView is one of Clusters. Token is a secret that registers a client;
// what stands here opens nothing.
type clusterView struct {
	ClusterId, Identifier, Name, Description, ClusterType, NetworkType, AgentStatus, Token string
}

// DescribeContainerCluster is HBR DescribeContainerCluster. The page shows a
// ClusterId of the form cc-… in the request and of the form cl-… in the reply;
// here both are taken, and the reply has the one that CreateBackupJob wants.
func (s *Service) DescribeContainerCluster(k *rpc.Call) (any, error) {
	number, size, err := parsePage(k.Params)
	if err != nil {
		return nil, err
	}
	views := []clusterView{}
	for _, cl := range k.Caller.Account.Clusters {
		id, identifier := k.Params["ClusterId"], k.Params["Identifier"]
		if cl.Region != k.Region || (id != "" && id != cl.ID && id != cl.GroupID) || (identifier != "" && identifier != cl.Identifier) {
			continue
		}
		views = append(views, clusterView{
			ClusterId: cl.ID, Identifier: cl.Identifier, Name: cl.Name, Description: cl.Description,
			ClusterType: "ACK", NetworkType: "VPC", AgentStatus: cl.Agent, Token: "eyJ" + rpc.EntityID(cl.ID),
		})
	}
	return clustersAnswer{
		Envelope: rpc.Success(k), PageNumber: number, PageSize: size, TotalCount: int64(len(views)),
		Clusters: page(views, number, size),
	}, nil
}

// regionsAnswer is the reply of HBR DescribeRegions.
type regionsAnswer struct {
	rpc.Envelope
	Regions struct{ Region []region }
}

// A region has fewer fields than ECS's.
type region struct{ RegionId, LocalName string }

// DescribeRegions is HBR DescribeRegions: all regions of the world. That it
// needs hbr:DescribeRegions follows from how other permissions are named only.
func (s *Service) DescribeRegions(k *rpc.Call) (any, error) {
	ans := regionsAnswer{Envelope: rpc.Success(k)}
	for _, id := range s.World.Regions {
		ans.Regions.Region = append(ans.Regions.Region, region{id, world.LocalName(id)})
	}
	return ans, nil
}
