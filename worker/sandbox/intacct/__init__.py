"""Sage Intacct as far as kit components go, at `/ia/api/v1`. No live company was at hand.

What was documented, seen or inferred is told apart here.

Documented by Sage, in its API description or its guides
    Paths, fields, enums and defaults of kit components and items; references as the answer of a write; DELETE answers 204.
    A line number that is taken moves the other lines; an omitted one is assigned. An owned object's owner can't be changed.
    A stockable kit takes no plain kit; a non-inventory item must have fulfilment enabled to go into a kit.
    Batches: an array to create or change, `/{k1,k2}` to read or delete, 500 at most, not atomic but with `X-IA-API-Param-Transaction`;
    207 with `ia::status` and `ia::error` for each element, or one status when it holds for all; deleted elements carry no key.
    The query service: operators, filterExpression, filterParameters, date macros, aggregates with their groups, pages from 1 up to 4,000;
    `count` only for boolean, array and enum fields; no `href` in filters or order; never from a parent to its children.
    Idempotency keys: 256 characters, failures stored too, replayed for 48 hours, reserved for 60 days, 409 for another body.
    The gateway's codes (GW-...), their `details` as an object; the headers X-IA-Throttle-..., X-IA-Minute-..., X-IA-Hour-...
    Triggers: the signature's claims, the context, 4 attempts after 10, 30 and 90 seconds, success is 200.

Seen in SDKs, samples and integrators' notes
    Client credentials with a `user@company`; a refresh token with them; the second authorisation that kills the first.
    A dead token answered with 400; refresh tokens that rotate; flat dotted keys in rows; the header `jwtData` form of the signature.
    Codes REST-1030, 1043, 1050, 1064, 1107, 2102, BL01001973. Spellings of the header that says how long to wait.

Inferred, or ours because somebody had to decide
    Which of the nestings an error has on which route; the texts; 422 with `invalidKey` for a reference to what does not exist.
    An unknown entity is 403. A second component of the same item, any number of units and cyclic kits are accepted.
    Rows without an order come by key; a null passes every negated operator. Several queries are answered as 207 when one fails.
    A stored key holds what the operation answered, not what happened on the way: after a lost answer the same key replays the success.
    Users of one company share its items in every entity. Triggers fire for kit components, named after the kit that they belong to.

Not here
    Composite and bulk requests, calls in the background, the event queue, writing items, and changing components through their kit.
"""
