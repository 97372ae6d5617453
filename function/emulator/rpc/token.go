package rpc

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
)

// pagingParams are the parameters that select a page and do not change the whole list.
var pagingParams = []string{"NextToken", "MaxResults", "PageNumber", "PageSize", "Skip"}

// PageQuery returns a text that identifies a listing: account, operation, region and all
// parameters except those for paging. A NextToken is valid only for the listing that returned
// it.
func PageQuery(k *Call) []byte {
	text := fmt.Sprintf("%s %s %s", k.Caller.Account.ID, k.Op.Action, k.Region)
	own := k.Params.Operation()
	for _, name := range slices.Sorted(maps.Keys(own)) {
		// %q quotes the value, so that no value can look like another parameter.
		if !slices.Contains(pagingParams, name) {
			text += fmt.Sprintf("&%q=%q", name, own[name])
		}
	}
	return []byte(text)
}

// SealToken returns an encrypted NextToken that contains the index of the next page's first
// element. The key is in the source: encryption does not protect a secret here. It keeps
// clients from using the contents, and makes the token valid for one query only.
func SealToken(from int64, query []byte) string {
	inside := binary.BigEndian.AppendUint64(nil, uint64(from))
	return base64.RawURLEncoding.EncodeToString(pageSeal().Seal(nil, nil, inside, query))
}

// OpenToken returns the index in a NextToken. It returns false for a token that SealToken did not
// create for this query.
func OpenToken(token string, query []byte) (from int64, ok bool) {
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

// pageSeal returns the cipher of the tokens. Its errors are impossible with a key of 16 bytes.
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
