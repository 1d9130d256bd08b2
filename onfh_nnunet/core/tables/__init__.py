"""Tables that people write: `read_table` reads text of any usual kind and Excel workbooks, and guesses nothing."""

from onfh_nnunet.core.tables.cells import number, quoted, spelled_side
from onfh_nnunet.core.tables.user_table import TableRow, UserTable, read_table

__all__ = ["TableRow", "UserTable", "number", "quoted", "read_table", "spelled_side"]
