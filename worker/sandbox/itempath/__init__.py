"""ItemPath in front of Kardex Power Pick, as far as kits go. No live installation was at hand: what is known how is told apart here.

Each company has an installation of its own at `/itempath/<company>/api/…`.

Documented by ItemPath
    Login by user name and password, 404 when they are wrong; refresh with the refresh token as the bearer; application tokens.
    Access tokens for 15 minutes, refresh tokens for 30 days. Kit lines: list, create, show, update, delete, and their fields.
    Operators in brackets before a value, repeated keys for ranges, `countOnly`, `limit`, `page` from 0, `orderBy`. Formats of dates.
    Kits of all levels with their lines; a line's `materialId` names a material or a kit. Only keys that are sent change on an update.
    Writes are imported by Power Pick later; lists are read from its database. The log of calls, `GET /api/calls`, and its filters.
    Data Push of transactions, among them renamed kits (type 15), with a header of the customer's; nothing is pushed for a changed kit.

Seen in samples
    `{"kit_lines": […]}` without a total; upper-case UUIDs. Answers to a create and an update: every value a text with blanks around it.
    `{"deleted": "true"}`. A delete printed as `DELETE /api/kit_lines/{id}/delete`. Claims of a Flask library in the tokens.
    `{"material": {…}}` with zeros for quantities. Older copies of the pages: other defaults of lists, lines with `materialName`.

Inferred, or ours because somebody had to decide; most of it is a setting
    401 for no or an expired token, 422 for one of the wrong kind. The bodies of errors. What `countOnly` answers. Its log's envelope.
    When numbers and unknown ids are refused, that imports of one kit keep their order, that a refused import is told to nobody.
    An unsent quantity is 1, an unsent number the next after the highest. Filters also in the body of a GET, as the samples have them.
    Without `orderBy` rows and lines come in no useful order. Limits outside 1 to 1000 are refused. Unknown parameters are ignored.
"""
