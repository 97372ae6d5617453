package ecs

import (
	"net/http"

	"backupportal/function/emulator/rpc"
)

// A paging says which part of a list a call returns.
type paging struct {
	from, size int64  // first element and number of elements of the page
	number     int64  // PageNumber of the reply
	counted    bool   // paging by number, so TotalCount is set
	query      []byte // the query to which the next token is bound
}

// A pageReply holds the members that all list replies of ECS have.
type pageReply struct {
	RequestId                        string
	NextToken                        string // empty on the last page
	PageNumber, PageSize, TotalCount int64
}

// parsePaging reads the parameters of both kinds of paging; package ecs describes them. With
// NextToken or MaxResults it pages by token and ignores PageNumber and PageSize, because the vendor
// has announced the end of page numbers. A MaxResults below 10 counts as 10, and one above most
// counts as most, as the vendor's pages of DescribeInstances and DescribeDisks say.
func parsePaging(k *rpc.Call, most int64) (paging, error) {
	p := k.Params
	page := paging{size: 10, number: 1, counted: p["MaxResults"] == "" && p["NextToken"] == "", query: rpc.PageQuery(k)}
	if page.counted {
		number, err := readNumber(p, "PageNumber", 1, 1, 1<<31-1)
		if err != nil {
			return page, err
		}
		size, err := readNumber(p, "PageSize", 10, 1, 100)
		if err != nil {
			return page, err
		}
		page.number, page.size, page.from = number, size, (number-1)*size
		return page, nil
	}
	size, err := readNumber(p, "MaxResults", 10, 0, 1<<31-1)
	if err != nil {
		return page, err
	}
	page.size = min(max(size, 10), most)
	if token := p["NextToken"]; token != "" {
		from, ok := rpc.OpenToken(token, page.query)
		if !ok {
			// The vendor documents no code for this. This one names the parameter.
			return page, rpc.Refuse(http.StatusBadRequest, "InvalidParameter.NextToken", "NextToken is not one that this query was answered with")
		}
		page.from = from
	}
	return page, nil
}

// readNumber parses the integer parameter of a call, from least to most. If the parameter is
// missing, it returns the default absent. For any other text the error is InvalidParameter.
func readNumber(p rpc.Params, name string, absent, least, most int64) (int64, error) {
	if p[name] == "" {
		return absent, nil
	}
	n, ok := rpc.Decimal(p[name])
	if !ok || n < least || n > most {
		return 0, rpc.Invalid(name, "%q is not a number from %d to %d", p[name], least, most)
	}
	return n, nil
}

// pageOf returns one page of list, never nil, and the common members of the reply. The page is a
// copy.
func pageOf[T any](k *rpc.Call, page paging, list []T) ([]T, pageReply) {
	all := int64(len(list))
	from := min(page.from, all)
	to := min(from+page.size, all)
	rep := pageReply{RequestId: k.ID, PageNumber: page.number, PageSize: page.size}
	if to < all {
		rep.NextToken = rpc.SealToken(to, page.query)
	}
	// With NextToken the vendor's page says that TotalCount "means nothing". It is 0 here, so
	// that a client that relies on it fails in its tests.
	if page.counted {
		rep.TotalCount = all
	}
	return append([]T{}, list[from:to]...), rep
}
