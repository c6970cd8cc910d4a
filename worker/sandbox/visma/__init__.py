"""Visma Net ERP as far as kit assemblies go. No live tenant was at hand: what was documented, seen or inferred is told apart here.

Documented by Visma
    The six operations on kit assemblies, their parameters, status codes and every field of the read and write forms.
    Values wrapped in `{"value": ...}` when written, bare when read; `type`, `refNo` and `operation` always bare.
    Paging as an object; pages cut to a maximum that stands in `metadata.maxPageSize`; lines only when expanded.
    Time filters come with a condition, in formats without a zone. `b64(...)` for ids with reserved characters.
    `erp-api-background`: a URL, none, subscription, subscription with pairs that become headers of the notification.
    202 with `id` and `stateLocation`; states Started, Finished, Failed; `statusCode` 0 until done; 403 for another company.
    Content 404 when there is none, 410 after 24 hours. A notification only for operations that end with a response.
    The signature: base64 of HMAC-SHA256 over the raw body. Tokens by client credentials for one tenant, 3600 seconds.
    A token for the customer's tenant instead of the company's is given, and answers 401 (`customer-of-<tenant>` here).
    X-RateLimit headers on every answer, policy `4-fixed-window`; 429 with Retry-After. The number of created documents is in Location.
    The same failing request more than twice in five minutes is counted (older gateway).

Seen in SDKs, samples and integrators' notes
    Finished with 400 and `{"message": ...}` in the content, which is served with 200.
    "Utc" fields with the company's offset; `responseHeaders` and `reference` null; `originalUri` on an internal host.
    201 with an empty body. Unknown query parameters ignored. The names of the dispatcher's headers; epoch milliseconds.
    Several notifications in one array. The scopes read, create, update and delete. The error shapes of both gateways.
    The release's answer, `actionResult`, as sibling documents have it.
    Kit specifications: paths, filters, names of both forms, 204 for PUT, no DELETE; see `specifications`.

Inferred, or ours because somebody had to decide
    The notification's body, its tries and what counts as taken; 201 is notified although its body is empty; Failed is notified.
    Business rules and their texts; a document is balanced unless `hold` is written; lines come from the kit's specification.
    Release needs the scope update. Nothing is validated before a background call is accepted but route, token, limits, the header itself.
    State and submission calls count as calls of the hour; refused ones do not. The list's order is type and number.
    The shape of binding faults (`modelState`). Bodies are JSON; the XML and form types that Visma declares are not read here.
    A kit without enough stock (`finished-400`), "the previous operation has not been completed yet" while a release goes on.
"""
