package ecs

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"backupportal/function/emulator/rpc"
)

// An paging says which part of a list an ECS operation shows.
type paging struct {
	from, size int64  // in elements of the whole list
	number     int64  // PageNumber, for the reply
	counted    bool   // by PageNumber, where TotalCount has a meaning
	query      []byte // what the next page's token will be bound to
}

// pageReply is what the replies of ECS's lists share.
type pageReply struct {
	RequestId                        string
	NextToken                        string // empty on the last page
	PageNumber, PageSize, TotalCount int64
}

// pagingParams are the parameters that do not change what a list consists of.
var pagingParams = []string{"NextToken", "MaxResults", "PageNumber", "PageSize"}

// parsePaging reads both ways of paging. MaxResults outside 10 to most is moved
// to the nearer end, as the pages of DescribeInstances and DescribeDisks say. If
// both ways are asked for at once, NextToken and MaxResults win, since the other
// is announced to go away.
func parsePaging(k *rpc.Call, most int64) (paging, error) {
	p := k.Params
	page := paging{size: 10, number: 1, counted: p["MaxResults"] == "" && p["NextToken"] == "", query: pageQuery(k)}
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
		from, ok := openToken(token, page.query)
		if !ok {
			// No page names the code; the message of a client should name the parameter.
			return page, rpc.Refuse(http.StatusBadRequest, "InvalidParameter.NextToken", "NextToken is not one that this query was answered with")
		}
		page.from = from
	}
	return page, nil
}

// readNumber reads an integer between two limits.
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

// cut returns one page of a list, never nil, and what the reply says about it.
func pageOf[T any](k *rpc.Call, page paging, list []T) ([]T, pageReply) {
	all := int64(len(list))
	from := min(page.from, all)
	to := min(from+page.size, all)
	rep := pageReply{RequestId: k.ID, PageNumber: page.number, PageSize: page.size}
	if to < all {
		rep.NextToken = sealToken(to, page.query)
	}
	// Beside NextToken TotalCount "means nothing" in the page's words; a zero is
	// what trips a client that goes by it.
	if page.counted {
		rep.TotalCount = all
	}
	return append([]T{}, list[from:to]...), rep
}

// pageQuery is what a NextToken belongs to: who asks for what, where, without
// the parameters that turn the pages.
func pageQuery(k *rpc.Call) []byte {
	text := fmt.Sprintf("%s %s %s", k.Caller.Account.ID, k.Op.Action, k.Region)
	own := k.Params.Operation()
	for _, name := range slices.Sorted(maps.Keys(own)) {
		// Quoted, so that no value can look like a further parameter.
		if !slices.Contains(pagingParams, name) {
			text += fmt.Sprintf("&%q=%q", name, own[name])
		}
	}
	return []byte(text)
}

// sealToken hides where the next page begins. The key is no secret: it keeps
// clients from building on what is inside, and a token from being good for
// another query.
func sealToken(from int64, query []byte) string {
	inside := binary.BigEndian.AppendUint64(nil, uint64(from))
	return base64.RawURLEncoding.EncodeToString(pageSeal().Seal(nil, nil, inside, query))
}

// openToken reports false for a token that sealToken did not make for this query.
func openToken(token string, query []byte) (from int64, ok bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return 0, false
	}
	inside, err := pageSeal().Open(nil, nil, sealed, query)
	if err != nil {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(inside)), true
}

// pageSeal fails for a key of another length only.
func pageSeal() cipher.AEAD {
	block, err := aes.NewCipher([]byte("emulator's pages"))
	if err != nil {
		panic(err)
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return seal
}
