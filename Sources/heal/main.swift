print("heal")
