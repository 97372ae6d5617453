// Verifies webhooks with the library of Standard Webhooks, for the tests of function/notify. Reads a JSON list of
// {secret, headers, body}, and writes one of the types of the messages, or of why each was not accepted.
"use strict";
const { Webhook } = require("standardwebhooks");

const messages = JSON.parse(require("fs").readFileSync(0, "utf8"));
const verdicts = messages.map(({ secret, headers, body }) => {
  try {
    return new Webhook(secret).verify(body, headers).type;
  } catch (error) {
    return String(error);
  }
});
process.stdout.write(JSON.stringify(verdicts));
