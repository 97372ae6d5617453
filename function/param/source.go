package param

import (
	"slices"
	"strings"
)

// A SourceType says what is backed up: a whole instance, files of an instance, or container
// volumes. Its values are those of the parameter SourceType of CreateBackupJob. The zero value
// is not valid; [Params.SourceType] never returns it.
type SourceType string

// The source types of CreateBackupJob. UDMECS is the default. Newer versions of the API
// page describe UDMECS only and call the two others legacy.
const (
	UDMECS    SourceType = "UDM_ECS"   // a whole ECS instance, by snapshots
	ECSFile   SourceType = "ECS_FILE"  // files inside an ECS instance
	Container SourceType = "CONTAINER" // persistent volumes of a Kubernetes cluster
)

// SourceTypes lists the source types in the order of the form. It must not be changed.
var SourceTypes = []SourceType{UDMECS, ECSFile, Container}

// Known reports whether s is one of [SourceTypes].
func (s SourceType) Known() bool { return slices.Contains(SourceTypes, s) }

// Legacy reports whether newer API pages no longer describe s. The service may then refuse it.
func (s SourceType) Legacy() bool { return s == ECSFile || s == Container }

// Name returns the name of s for people. The name of an unknown source type is its value.
func (s SourceType) Name() Text {
	switch s {
	case UDMECS:
		return Text{"A whole ECS instance", "ECS 整机"}
	case ECSFile:
		return Text{"Files on an ECS instance", "ECS 实例上的文件"}
	case Container:
		return Text{"Container volumes", "容器存储卷"}
	}
	return Text{string(s), string(s)}
}

// A Region is a region of Alibaba Cloud where Cloud Backup has a public endpoint.
type Region struct {
	ID   string // the id in host names, such as cn-hangzhou
	Name Text
}

// Regions lists the regions of Cloud Backup. It must not be changed at run time. The region of
// a request must be one of them, because the region becomes part of a host name: an unchecked
// region could send a signed request to a foreign host.
//
// Source: the endpoint list of the Cloud Backup API, in its order.
var Regions = []Region{
	{"cn-qingdao", Text{"China (Qingdao)", "华北1（青岛）"}},
	{"cn-beijing", Text{"China (Beijing)", "华北2（北京）"}},
	{"cn-zhangjiakou", Text{"China (Zhangjiakou)", "华北3（张家口）"}},
	{"cn-huhehaote", Text{"China (Hohhot)", "华北5（呼和浩特）"}},
	{"cn-wulanchabu", Text{"China (Ulanqab)", "华北6（乌兰察布）"}},
	{"cn-hangzhou", Text{"China (Hangzhou)", "华东1（杭州）"}},
	{"cn-shanghai", Text{"China (Shanghai)", "华东2（上海）"}},
	{"cn-shenzhen", Text{"China (Shenzhen)", "华南1（深圳）"}},
	{"cn-heyuan", Text{"China (Heyuan)", "华南2（河源）"}},
	{"cn-guangzhou", Text{"China (Guangzhou)", "华南3（广州）"}},
	{"cn-chengdu", Text{"China (Chengdu)", "西南1（成都）"}},
	{"cn-hongkong", Text{"China (Hong Kong)", "中国香港"}},
	{"ap-northeast-1", Text{"Japan (Tokyo)", "日本（东京）"}},
	{"ap-northeast-2", Text{"South Korea (Seoul)", "韩国（首尔）"}},
	{"ap-southeast-1", Text{"Singapore", "新加坡"}},
	{"ap-southeast-3", Text{"Malaysia (Kuala Lumpur)", "马来西亚（吉隆坡）"}},
	{"ap-southeast-5", Text{"Indonesia (Jakarta)", "印度尼西亚（雅加达）"}},
	{"ap-southeast-6", Text{"Philippines (Manila)", "菲律宾（马尼拉）"}},
	{"ap-southeast-7", Text{"Thailand (Bangkok)", "泰国（曼谷）"}},
	{"us-east-1", Text{"US (Virginia)", "美国（弗吉尼亚）"}},
	{"us-west-1", Text{"US (Silicon Valley)", "美国（硅谷）"}},
	{"eu-west-1", Text{"UK (London)", "英国（伦敦）"}},
	{"eu-central-1", Text{"Germany (Frankfurt)", "德国（法兰克福）"}},
	{"me-east-1", Text{"UAE (Dubai)", "阿联酋（迪拜）"}},
	{"me-central-1", Text{"Saudi Arabia (Riyadh)", "沙特（利雅得）"}},
	{"cn-shanghai-finance-1", Text{"China East 2 Finance", "华东2 金融云"}},
	{"cn-beijing-finance-1", Text{"China North 2 Finance", "华北2 金融云"}},
	{"cn-hangzhou-finance", Text{"China East 1 Finance", "华东1 金融云"}},
	{"cn-shenzhen-finance-1", Text{"China South 1 Finance", "华南1 金融云"}},
}

// RegionName returns the name of a region for people. The name of an unknown region is
// its id.
func RegionName(id string) Text {
	if i := slices.IndexFunc(Regions, func(r Region) bool { return r.ID == id }); i >= 0 {
		return Regions[i].Name
	}
	return Text{id, id}
}

// ZoneName returns the name of a zone for people, such as "Hangzhou Zone I" for cn-hangzhou-i.
// If zone is empty, it returns the name of the region. If the zone does not belong to the
// region, it returns the zone's id.
func ZoneName(region, zone string) Text {
	letter, ok := strings.CutPrefix(zone, region)
	letter = strings.ToUpper(strings.TrimPrefix(letter, "-"))
	name := RegionName(region)
	switch {
	case zone == "":
		return name
	case !ok || len(letter) != 1:
		return Text{zone, zone}
	}
	return Text{cityOf(name.En, "(", ")") + " Zone " + letter, cityOf(name.Zh, "（", "）") + " 可用区 " + letter}
}

// cityOf returns the part of a region's name that is in brackets. It returns the whole name if
// there are no brackets.
func cityOf(name, opening, closing string) string {
	if _, city, found := strings.Cut(name, opening); found {
		return strings.TrimSuffix(city, closing)
	}
	return name
}

// KnownRegion reports whether id is the id of one of [Regions].
func KnownRegion(id string) bool {
	return slices.ContainsFunc(Regions, func(r Region) bool { return r.ID == id })
}
