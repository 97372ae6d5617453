package hbr

import (
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/world"
)

// A clustersAnswer is the reply of DescribeContainerCluster.
type clustersAnswer struct {
	rpc.Envelope
	PageNumber, PageSize, TotalCount int64
	Clusters                         []clusterView
}

// A clusterView is one element of Clusters. The real Token is a secret that registers a backup
// client; this one has no effect.
type clusterView struct {
	ClusterId, Identifier, Name, Description, ClusterType, NetworkType, AgentStatus, Token string
}

// DescribeContainerCluster is the operation DescribeContainerCluster of Cloud Backup. The
// vendor's page shows a ClusterId cc-… in the request and cl-… in the reply. The emulator accepts
// both, and returns cc-…, which CreateBackupJob requires.
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

// A regionsAnswer is the reply of DescribeRegions of Cloud Backup.
type regionsAnswer struct {
	rpc.Envelope
	Regions struct{ Region []region }
}

// A region is one element of Regions.Region. It has fewer members than in ECS.
type region struct{ RegionId, LocalName string }

// DescribeRegions is the operation DescribeRegions of Cloud Backup: all regions of the world. Its
// permission hbr:DescribeRegions is not documented; the name follows the pattern of the others.
func (s *Service) DescribeRegions(k *rpc.Call) (any, error) {
	ans := regionsAnswer{Envelope: rpc.Success(k)}
	for _, id := range s.World.Regions {
		ans.Regions.Region = append(ans.Regions.Region, region{id, world.LocalName(id)})
	}
	return ans, nil
}
