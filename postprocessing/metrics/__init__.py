"""How well a mask agrees with a reference: overlap, surfaces, lesions."""
