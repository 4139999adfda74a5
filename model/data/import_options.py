"""How a person says what an import cannot know: the table of the classes, its columns, and the smallest class."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

TablePath = Annotated[str, Field(min_length=1, max_length=1000)]
Column = Annotated[str, Field(min_length=1, max_length=200)]
MinImages = Annotated[int, Field(ge=1, le=1_000_000)]


class ImportOptions(BaseModel):
    """The options of one import; what is left out is found out from the files."""

    model_config = ConfigDict(frozen=True)

    labels: TablePath | None = Field(
        default=None,
        description="Path, in the folder or zip, of the table that lists the images and their classes. Default: labels.csv.",
    )
    path_column: Column | None = Field(
        default=None, description="The table's column with the names of the images, such as `id`."
    )
    label_column: Column | None = Field(
        default=None, description="The table's column with the classes, such as `breed`."
    )
    split_column: Column | None = Field(
        default=None, description="The table's column with train, test or val."
    )
    class_folder: Literal["outer", "inner"] | None = Field(
        default=None,
        description="Which folder names the class of an image when folders hold folders: outer, the default, or inner.",
    )
    min_images: MinImages | None = Field(
        default=None,
        description="Leave out classes with fewer usable images than this, or too few to train, instead of refusing all.",
    )

    @property
    def names_a_table(self) -> bool:
        """Whether the classes come from a table, whatever the folders say."""
        return any((self.labels, self.path_column, self.label_column, self.split_column))


NO_OPTIONS = ImportOptions()
