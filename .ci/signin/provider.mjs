// A foreign OpenID provider for the tests of sign-in: node-oidc-provider, with one client, and with the claims of whoever
// signs in. It listens on a free port of this machine, and says which.
//
//   node provider.mjs REDIRECT_URI CLIENT_SECRET
import http from "node:http";
import { generateKeyPairSync } from "node:crypto";
import Provider from "oidc-provider";

const [redirect, secret] = process.argv.slice(2);
const server = http.createServer();
server.listen(0, "localhost", () => {
  const issuer = `http://localhost:${server.address().port}`;
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const provider = new Provider(issuer, {
    clients: [{
      client_id: "portal", client_secret: secret, redirect_uris: [redirect], grant_types: ["authorization_code"], response_types: ["code"],
    }],
    pkce: { required: () => true },
    claims: { openid: ["sub"], email: ["email", "email_verified"], groups: ["groups"], profile: ["name"] },
    scopes: ["openid", "email", "groups", "profile"],
    conformIdTokenClaims: false,
    jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), use: "sig", alg: "RS256", kid: "tests" }] },
    cookies: { keys: ["tests"] },
    features: { devInteractions: { enabled: true } },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, name: `${id} of node`, email: `${id}@example.com`, email_verified: true, groups: id === "alice" ? ["oncall", "secret-project"] : ["guests"] }),
    }),
  });
  server.on("request", provider.callback());
  console.log(issuer);
});
