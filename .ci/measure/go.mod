module backupportal/measure

go 1.26.0
